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
fn every_write_is_logged_in_order() {
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
fn a_reader_resumes_at_its_cursor() {
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
fn invalid_changes_apply_nothing() {
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
fn a_trimmed_log_is_an_error_and_skips_nothing() {
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
fn an_invalid_retention_keeps_everything() {
    for retention in ["0", "-1", "a week", ""] {
        let shard = shard();
        shard.host().set_var("LUNORA_CDC_LOG_RETENTION", retention);
        (0..10).for_each(|n| drop(say(&shard, &n.to_string())));
        assert_eq!(sync(&shard, json!({}))["changes"].as_array().unwrap().len(), 10, "{retention}");
    }
}

fn log_size(shard: &TestShard) -> (u64, u64) {
    let log = ok(shard.admin_token(TOKEN).admin("getMetrics", &json!({})))["changeLog"].clone();
    (log["rows"].as_u64().unwrap(), log["bytes"].as_u64().unwrap())
}

/// Returns the rows and bytes of the log, counted from the rows themselves.
fn counted(shard: &TestShard) -> (u64, u64) {
    let sql = "SELECT count(*), coalesce(sum(coalesce(octet_length(doc),0)+octet_length(id)+octet_length(\"table\")+48),0) FROM _lunora_changes";
    let rows = shard.host().exec(sql, &[]).unwrap().rows;
    let [SqlCell::Number(count), SqlCell::Number(bytes)] = rows[0][..] else { unreachable!() };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
    (count as u64, bytes as u64)
}

#[test]
fn the_log_keeps_64_mib_by_default_and_says_how_much() {
    let shard = shard();
    let text = "x".repeat(1_000_000);
    assert_eq!(log_size(&shard), (0, 0));
    for _ in 0..80 {
        say(&shard, &text);
    }
    let (rows, bytes) = log_size(&shard);
    assert!((60..=68).contains(&rows) && bytes <= 68 * 1024 * 1024, "{rows} {bytes}");
    assert_eq!((rows, bytes), counted(&shard));
    let operator = shard.admin_token(TOKEN);
    let trimmed = operator.admin("cdcSync", &json!({ "sinceSeq": 0 }));
    assert_eq!(code_of(&trimmed), (409, "CDC_LOG_TRIMMED"));
    assert_eq!(shard.shard().cursor().unwrap(), 80);
}

#[test]
fn the_log_keeps_seven_days_by_default() {
    let shard = shard();
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    (0..300).for_each(|n| drop(say(&shard, &n.to_string())));
    assert_eq!(log_size(&shard), counted(&shard));
    shard.clock().advance(day * 8);
    (0..300).for_each(|n| drop(say(&shard, &n.to_string())));
    assert!(log_size(&shard).0 <= 300 + 256, "{:?}", log_size(&shard));
    assert_eq!(log_size(&shard), counted(&shard));
}

#[test]
fn the_size_of_the_log_is_right_after_rollbacks_wakes_and_trims() {
    for retention in [None, Some("7")] {
        let mut shard = shard();
        if let Some(rows) = retention {
            shard.host().set_var("LUNORA_CDC_LOG_RETENTION", rows);
        }
        for round in 0..600 {
            say(&shard, &round.to_string());
            if round % 5 == 0 {
                let refused: Result<(), _> = mutate(&shard, |ctx| {
                    ctx.db().insert(MESSAGES, message("ada", "rolled back"))?;
                    Err(LunoraError::new(crate::Code::Conflict, "no"))
                });
                refused.unwrap_err();
            }
            if round % 97 == 0 {
                shard = shard.wake(definition());
            }
            if round % 50 == 0 {
                assert_eq!(log_size(&shard), counted(&shard), "{retention:?} {round}");
            }
        }
        assert_eq!(log_size(&shard), counted(&shard), "{retention:?}");
    }
}

#[test]
fn a_full_shard_refuses_writes_that_add_to_it_and_takes_those_that_do_not() {
    let shard = shard();
    let kept = say(&shard, "a long text");
    shard.host().set_var("LUNORA_DATABASE_LIMIT", "1000");
    let shard = shard.wake(definition());
    let refused = shard.answer("messages:send", &message("ada", "more"));
    assert_eq!(code_of(&refused), (507, "SHARD_FULL"));
    let patch = |text: &str| {
        mutate(&shard, |ctx| ctx.db().patch(MESSAGES, &kept.id, &json!({ "text": text })))
    };
    assert_eq!(patch("a text that is longer").unwrap_err().code(), "SHARD_FULL");
    patch("short").unwrap();
    assert_eq!(texts(&shard), ["short"]);
    shard.call::<bool>("messages:delete", &json!({ "id": kept.id })).unwrap();
    shard.host().set_var("LUNORA_DATABASE_LIMIT", "10000000");
    say(&shard, "again");
}
