//! Places in a rank index.

use super::{
    admin::{TOKEN, ok},
    *,
};

fn ranked() -> TestShard {
    let shard = shard();
    mutate(&shard, |ctx| {
        for (id, author, rank, text) in [
            ("a", "ada", Some(3.0), "x"),
            ("b", "ada", None, "x"),
            ("c", "ada", Some(7.5), "x"),
            ("d", "bob", Some(5.0), "x"),
            ("e", "ada", Some(3.0), "y"),
        ] {
            let value = Message { rank, ..message(author, text) };
            ctx.db().insert_with_id(MESSAGES, id, value)?;
        }
        Ok(())
    })
    .unwrap();
    shard
}

fn page(shard: &TestShard, args: Value) -> (Vec<String>, Value) {
    let mut all = json!({ "table": "messages" });
    all.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
    let page = ok(shard.admin_token(TOKEN).admin("rankPage", &all));
    let ids = page["rows"].as_array().unwrap().iter();
    (ids.map(|row| row["doc"]["_id"].as_str().unwrap().to_owned()).collect(), page)
}

#[test]
fn partitions_ascend_values_go_their_way_and_ids_ascend() {
    let shard = ranked();
    let (ids, all) = page(&shard, json!({ "index": "by_rank" }));
    assert_eq!(ids, ["c", "a", "e", "b", "d"]);
    assert_eq!((&all["directions"], &all["hasMore"]), (&json!(["desc"]), &json!(false)));
    assert_eq!(
        all["rows"][0]["key"],
        json!({ "partitionKey": "[\"ada\"]", "rowId": "c", "sortValues": [7.5] })
    );
    assert_eq!(all["rows"][3]["key"]["sortValues"], json!([null]));
    let (ids, _) = page(&shard, json!({ "index": "by_rank", "partitionKey": "[\"bob\"]" }));
    assert_eq!(ids, ["d"]);
    let (ids, all) = page(&shard, json!({ "index": "everybody" }));
    assert_eq!(ids, ["b", "e", "a", "d", "c"]);
    assert_eq!(all["directions"], json!(["asc", "desc"]));
}

#[test]
fn a_page_continues_after_a_key() {
    for index in ["by_rank", "everybody"] {
        let shard = ranked();
        let (whole, _) = page(&shard, json!({ "index": index }));
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let mut args = json!({ "index": index, "take": 2 });
            if !after.is_null() {
                args["after"] = after.clone();
            }
            let (ids, page) = page(&shard, args);
            seen.extend(ids);
            let Some(last) = page["rows"].as_array().unwrap().last() else { break };
            after = last["key"].clone();
            if page["hasMore"] == json!(false) {
                break;
            }
        }
        assert_eq!(seen, whole, "{index}");
    }
}

#[test]
fn the_place_of_a_document_is_how_many_come_before() {
    let shard = ranked();
    let before = |index: &str, key: &Value| {
        let mut args = json!({ "table": "messages", "index": index });
        args.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
        ok(shard.admin_token(TOKEN).admin("rankBefore", &args))
    };
    for index in ["by_rank", "everybody"] {
        let (_, all) = page(&shard, json!({ "index": index }));
        let mut partition = (Value::Null, 0);
        for row in all["rows"].as_array().unwrap() {
            if row["key"]["partitionKey"] != partition.0 {
                partition = (row["key"]["partitionKey"].clone(), 0);
            }
            assert_eq!(before(index, &row["key"])["before"], json!(partition.1), "{row}");
            partition.1 += 1;
        }
    }
    let key = json!({ "partitionKey": "[\"ada\"]", "rowId": "zzz", "sortValues": [3] });
    assert_eq!(before("by_rank", &key), json!({ "before": 3, "total": 4 }));
}

#[test]
fn deleted_documents_have_no_place_and_bad_keys_are_said() {
    let shard = ranked();
    shard.call::<bool>("messages:delete", &json!({ "id": "c" })).unwrap();
    assert_eq!(page(&shard, json!({ "index": "by_rank" })).0, ["a", "e", "b", "d"]);
    let operator = shard.admin_token(TOKEN);
    for args in [
        json!({ "table": "messages", "index": "by_author" }),
        json!({ "table": "messages", "index": "unheard" }),
        json!({ "table": "messages", "index": "by_rank", "after": { "rowId": "a", "sortValues": [] } }),
        json!({ "table": "messages", "index": "by_rank", "after": { "rowId": "a", "sortValues": [true, true] } }),
    ] {
        assert_eq!(operator.admin("rankPage", &args).0, 400, "{args}");
    }
    assert_eq!(
        code_of(&operator.admin("rankPage", &json!({ "table": "x", "index": "y" }))),
        (404, "UNKNOWN_TABLE")
    );
}
