//! Change feeds.

use serde_json::value::RawValue;

use super::*;

#[test]
fn each_shard_continues_from_its_own_cursor() {
    let world = World::new(registry(&[("t", &["a", "b"])]), |_, operation, args| {
        assert_eq!((operation, &args["limit"]), ("cdcSync", &json!(10)));
        let since = args["sinceSeq"].as_u64().unwrap();
        json!({"changes": [{"seq": since + 1}], "cursor": since + 1})
    });
    world.shards.shard("b").hangs();
    let request = SyncRequest {
        cursors: [("a".to_owned(), 4), ("b".to_owned(), 9)].into(),
        limit: Some(10),
        tables: None,
        ..SyncRequest::default()
    };
    let report = world.run(world.admin.sync(&request)).unwrap();
    assert_eq!((report.ok, report.failed), (2, 1));
    let shards = to_json(&report.shards);
    assert_eq!(shards[0], json!({"changes": [{"seq": 1}], "cursor": 1, "shardKey": "__root__"}));
    assert_eq!(shards[1], json!({"changes": [{"seq": 5}], "cursor": 5, "shardKey": "a"}));
    assert_eq!((&shards[2]["cursor"], &shards[2]["error"]["timedOut"]), (&json!(9), &json!(true)));
}

#[test]
fn changes_that_do_not_fit_are_left_for_the_next_call() {
    let world = World::new(
        registry(&[("t", &["a"])]),
        |_, _, _| json!({"changes": [{"doc": "x".repeat(100)}], "cursor": 1}),
    );
    let coordinator = world.admin.coordinator.clone().max_total_bytes(200);
    let admin = ShardAdmin { coordinator, ..world.admin.clone() };
    let report = world.run(admin.sync(&SyncRequest::default())).unwrap();
    assert_eq!((report.ok, report.failed), (1, 1));
    let failed = report.shards.iter().find(|shard| shard.changes.is_err()).unwrap();
    assert_eq!(failed.cursor, 0);
}

#[test]
fn batches_of_one_shard_keep_their_order_and_stop_at_a_failure() {
    let applied: Shared<Vec<(String, u64)>> = Rc::default();
    let log = applied.clone();
    let world = World::raw(registry(&[]), move |key, operation, args| {
        assert_eq!(operation, "applyCdc");
        let seq = args["changes"][0]["seq"].as_u64().unwrap();
        if seq == 2 {
            return Response::raw_json("{}").with_status(500);
        }
        log.borrow_mut().push((key.to_owned(), seq));
        Response::raw_json(r#"{"result":{"applied":1}}"#)
    });
    let batch = |key: &str, seq: u64| {
        let change = RawValue::from_string(json!({ "seq": seq }).to_string()).unwrap();
        ApplyBatch::new(key.parse().unwrap(), vec![change])
    };
    let batches = vec![batch("a", 1), batch("b", 7), batch("a", 2), batch("b", 8), batch("a", 3)];
    let report = world.run(world.admin.apply(batches)).unwrap();
    assert_eq!((report.applied, report.ok, report.failed), (3, 3, 2));
    let mut applied = applied.take();
    applied.sort();
    assert_eq!(applied, [("a".to_owned(), 1), ("b".to_owned(), 7), ("b".to_owned(), 8)]);
}
