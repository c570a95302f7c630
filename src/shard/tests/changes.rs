//! The change log, read and applied.

use super::{
    admin::{TOKEN, ok},
    *,
};

fn sync(shard: &TestShard, args: Value) -> Value {
    ok(shard.admin_token(TOKEN).admin("cdcSync", &args))
}

fn busy() -> TestShard {
    let shard = shard();
    let one = say(&shard, "one");
    say(&shard, "two");
    mutate(&shard, |ctx| ctx.db().patch(MESSAGES, &one.id, &json!({ "text": "1" }))).unwrap();
    shard.clock().advance(std::time::Duration::from_secs(60));
    shard.call::<bool>("messages:delete", &json!({ "id": one.id })).unwrap();
    shard.call::<()>("notes:put", &json!({ "id": "n", "note": {} })).unwrap();
    shard.call::<bool>("notes:delete", &json!({ "id": "n" })).unwrap();
    shard
}

#[test]
fn every_write_is_there_in_its_order() {
    let shard = busy();
    let all = sync(&shard, json!({ "sinceSeq": 0 }));
    assert_eq!(all["cursor"], 6);
    let changes = all["changes"].as_array().unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            format!(
                "{} {} {}",
                change["seq"],
                change["table"].as_str().unwrap(),
                change["op"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 messages insert",
            "2 messages insert",
            "3 messages update",
            "4 messages delete",
            "5 notes insert",
            "6 notes update"
        ]
    );
    assert_eq!(changes[2]["doc"]["text"], "1");
    assert_eq!(changes[2]["doc"]["_id"], changes[2]["id"]);
    assert_eq!(changes[3].get("doc"), None);
    assert!(changes[5]["doc"]["_deletedAt"].is_number());
    assert_eq!(changes[0]["ts"], 1_700_000_000_000_u64);
}

#[test]
fn a_reader_goes_on_where_it_was() {
    let shard = busy();
    let (mut since, mut seen) = (json!(0), Vec::new());
    loop {
        let page = sync(&shard, json!({ "sinceSeq": since, "limit": 4 }));
        let seqs: Vec<_> = page["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["seq"].as_u64().unwrap())
            .collect();
        since = page["cursor"].clone();
        if seqs.is_empty() {
            break;
        }
        seen.extend(seqs);
    }
    assert_eq!((seen, since), (vec![1, 2, 3, 4, 5, 6], json!(6)));
    let until = sync(&shard, json!({ "sinceSeq": 0, "untilTs": 1_700_000_000_000_u64 }));
    assert_eq!((until["changes"].as_array().unwrap().len(), &until["cursor"]), (3, &json!(3)));
    let none = sync(&shard, json!({ "sinceSeq": 3, "untilTs": 1_700_000_000_000_u64 }));
    assert_eq!(none, json!({ "changes": [], "cursor": 3 }));
}

#[test]
fn applied_elsewhere_once_or_twice_it_is_the_same_shard() {
    let shard = busy();
    let changes = sync(&shard, json!({ "sinceSeq": 0 }))["changes"].clone();
    let replica = super::shard();
    let operator = replica.admin_token(TOKEN);
    let apply = || ok(operator.admin("applyCdc", &json!({ "changes": changes })));
    assert_eq!(apply(), json!({ "applied": 6 }));
    let export = |shard: &TestShard| ok(shard.admin_token(TOKEN).admin("exportShard", &json!({})));
    assert_eq!(export(&replica), export(&shard));
    assert_eq!(apply(), json!({ "applied": 6 }));
    assert_eq!(export(&replica), export(&shard));
    let last = changes.as_array().unwrap()[5].clone();
    let cursor = replica.shard().cursor().unwrap();
    ok(operator.admin("applyCdc", &json!({ "changes": [last] })));
    assert_eq!(replica.shard().cursor().unwrap(), cursor, "what changes nothing is no change");
}

#[test]
fn changes_that_are_none_apply_nothing() {
    let shard = shard();
    let operator = shard.admin_token(TOKEN);
    let good = json!({ "table": "messages", "id": "a", "op": "insert", "doc": { "_id": "a", "author": "x", "text": "y" } });
    for bad in [
        json!({ "table": "unheard", "id": "a", "op": "delete" }),
        json!({ "table": "messages", "id": "a", "op": "upsert", "doc": {} }),
        json!({ "table": "messages", "id": "a", "op": "update" }),
        json!({ "table": "messages", "id": "a", "op": "update", "doc": [] }),
        json!({ "table": "messages", "id": "a", "op": "update", "doc": { "_id": "b" } }),
        json!({ "table": "messages", "id": "", "op": "delete" }),
    ] {
        let answer = operator.admin("applyCdc", &json!({ "changes": [good, bad] }));
        assert!((400..500).contains(&answer.0), "{bad}");
        assert_eq!(texts(&shard), Vec::<String>::new(), "{bad}");
    }
}

#[test]
fn a_log_that_was_cut_says_so_instead_of_skipping() {
    let shard = shard();
    shard.host().set_var("LUNORA_CDC_LOG_RETENTION", "5");
    for n in 0..12 {
        say(&shard, &n.to_string());
    }
    let kept =
        shard.host().exec("SELECT min(seq), max(seq) FROM _lunora_changes", &[]).unwrap().rows;
    assert_eq!(kept, [[SqlCell::Number(6.0), SqlCell::Number(12.0)]]);
    let operator = shard.admin_token(TOKEN);
    assert_eq!(
        code_of(&operator.admin("cdcSync", &json!({ "sinceSeq": 0 }))),
        (409, "CDC_LOG_TRIMMED")
    );
    assert_eq!(
        code_of(&operator.admin("cdcSync", &json!({ "sinceSeq": 4 }))),
        (409, "CDC_LOG_TRIMMED")
    );
    assert_eq!(sync(&shard, json!({ "sinceSeq": 5 }))["changes"].as_array().unwrap().len(), 7);
    assert_eq!(shard.shard().cursor().unwrap(), 12);
}

#[test]
fn a_retention_that_is_no_number_keeps_everything() {
    for retention in ["0", "-1", "a week", ""] {
        let shard = shard();
        shard.host().set_var("LUNORA_CDC_LOG_RETENTION", retention);
        (0..10).for_each(|n| drop(say(&shard, &n.to_string())));
        assert_eq!(sync(&shard, json!({}))["changes"].as_array().unwrap().len(), 10, "{retention}");
    }
}
