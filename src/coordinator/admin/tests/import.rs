//! Imports: every row into its shard, with correct line numbers.

use bytes::Bytes;
use futures::{future::LocalBoxFuture, stream};

use super::*;
use crate::message::Body;

/// Shards that keep what they receive: `_id`s by shard.
fn keeping(
    rows: &Shared<BTreeMap<String, Vec<Value>>>,
) -> impl Fn(&str, &str, &Value) -> Value + use<> {
    let rows = rows.clone();
    move |key, operation, args| {
        assert_eq!((operation, &args["startLine"]), ("importShard", &json!(1)));
        let mut kept = rows.borrow_mut();
        let kept = kept.entry(key.to_owned()).or_default();
        let (mut conflicts, mut errors) = (0, Vec::new());
        let mut inserted: BTreeMap<String, u64> = BTreeMap::new();
        for (line, row) in (1..).zip(args["rows"].as_array().unwrap()) {
            let table = row["table"].as_str().unwrap();
            if row["doc"]["bad"] == true {
                let error = json!({"code": "VALIDATION_ERROR", "line": line, "message": "bad", "table": table});
                errors.push(error);
            } else if kept.iter().any(|other| other["_id"] == row["doc"]["_id"]) {
                conflicts += 1;
            } else {
                kept.push(row["doc"].clone());
                *inserted.entry(table.to_owned()).or_default() += 1;
            }
        }
        json!({"conflicts": conflicts, "errors": errors, "inserted": inserted})
    }
}

fn sharded() -> ImportTarget {
    ImportTarget::Sharding(Sharding::new().by("messages", "channel"))
}

#[test]
fn each_row_goes_where_the_rule_of_its_table_says() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    let body = concat!(
        "{\"table\":\"users\",\"doc\":{\"_id\":1}}\n",
        "\r\n",
        "{\"doc\":{\"_id\":2,\"channel\":\"a\"},\"table\":\"messages\"}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":3,\"channel\":7}}",
    );
    let report = world.run(world.admin.import(body.into(), &sharded())).unwrap();
    assert_eq!(report.received, 3);
    assert_eq!(report.inserted, [("messages".to_owned(), 2), ("users".to_owned(), 1)].into());
    assert!(report.errors.is_empty());
    let shards: Vec<String> = rows.borrow().keys().cloned().collect();
    assert_eq!(shards, ["7", "__root__", "a"]);
}

#[test]
fn warns_if_rows_went_to_the_default_shard_for_want_of_any_rule() {
    let import = |body: &str, target| {
        let rows = Shared::default();
        let world = World::new(registry(&[]), keeping(&rows));
        let report = world.run(world.admin.import(body.to_owned().into(), &target)).unwrap();
        to_json(&report).get("warnings").cloned()
    };
    let rows = concat!(
        "{\"table\":\"messages\",\"doc\":{\"_id\":1,\"channel\":\"a\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":2,\"channel\":\"b\"}}\n",
    );
    let without_rules = ImportTarget::Sharding(Sharding::new());
    let warnings = import(rows, without_rules.clone()).unwrap();
    assert_eq!(warnings.as_array().unwrap().len(), 1);
    assert!(warnings[0].as_str().unwrap().contains("`.sharding(..)`"), "{warnings}");
    assert_eq!(import(rows, sharded()), None);
    assert_eq!(import(rows, ImportTarget::Shard("there".parse().unwrap())), None);
    let named = "{\"table\":\"messages\",\"shardKey\":\"a\",\"doc\":{\"_id\":1}}\n";
    assert_eq!(import(named, without_rules), None);
}

#[test]
fn an_error_has_the_line_of_the_body_and_stops_nothing() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    let body = concat!(
        "{\"table\":\"messages\",\"doc\":{\"_id\":1,\"channel\":\"a\"}}\n",
        "nonsense\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":2,\"channel\":\"b\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":3}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":4,\"channel\":\"b\",\"bad\":true}}\n",
        "{\"table\":\"messages\",\"doc\":[]}\n",
        "{\"table\":\"$auth\",\"doc\":{}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":5,\"channel\":\"a::relay::b\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":1,\"channel\":\"a\"}}\n",
    );
    let report = world.run(world.admin.import(body.into(), &sharded())).unwrap();
    assert_eq!((report.received, report.conflicts, report.failed.len()), (9, 1, 0));
    assert_eq!(report.inserted["messages"], 2);
    let mut errors: Vec<_> =
        report.errors.iter().map(|error| (error.line, error.code.as_str())).collect();
    errors.sort_unstable();
    let bad = "BAD_ROW";
    assert_eq!(errors, [(2, bad), (4, bad), (5, "VALIDATION_ERROR"), (6, bad), (7, bad), (8, bad)]);
}

#[test]
fn one_shard_can_be_named_for_every_row() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    let target = ImportTarget::Shard("there".parse().unwrap());
    let body = "{\"table\":\"messages\",\"doc\":{\"_id\":1,\"channel\":\"elsewhere\"}}\n";
    world.run(world.admin.import(body.into(), &target)).unwrap();
    assert_eq!(rows.borrow().keys().next().unwrap(), "there");
}

#[test]
fn many_rows_go_in_batches_and_memory_stays_bounded() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    let line = |id: u32| {
        let doc = json!({"_id": id, "channel": format!("c{}", id % 3), "text": "x".repeat(900)});
        Ok(Bytes::from(json!({"table": "messages", "doc": doc}).to_string() + "\n"))
    };
    let body = Body::from_stream(stream::iter(0..4000).map(line));
    let report = world.run(world.admin.import(body, &sharded())).unwrap();
    assert_eq!(report.inserted["messages"], 4000);
    let largest = world.shards.calls().iter().map(|call| call.text().unwrap().len()).max().unwrap();
    assert!(largest < 1024 * 1024, "{largest}");
    assert_eq!(rows.borrow().values().map(Vec::len).sum::<usize>(), 4000);
}

#[test]
fn a_shard_that_fails_is_reported_with_its_lines_and_harms_no_other() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    world.shards.shard("a").hangs();
    let body = concat!(
        "{\"table\":\"messages\",\"doc\":{\"_id\":1,\"channel\":\"b\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":2,\"channel\":\"a\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":3,\"channel\":\"b\"}}\n",
        "{\"table\":\"messages\",\"doc\":{\"_id\":4,\"channel\":\"a\"}}\n",
    );
    let report = world.run(world.admin.import(body.into(), &sharded())).unwrap();
    let failed = json!([{
        "message": "shard \"a\" gave no answer within 5000 ms", "shardKey": "a", "timedOut": true,
    }]);
    assert_eq!((&to_json(&report)["failed"], report.inserted["messages"]), (&failed, 2));
    assert_eq!((report.errors[0].line, report.errors[0].code.as_str()), (2, "SHARD_TIMEOUT"));
    assert!(report.errors[0].message.contains("lines 2 to 4"), "{}", report.errors[0].message);
}

#[test]
fn errors_beyond_the_thousandth_are_counted_and_not_kept() {
    let world = World::new(registry(&[]), |_, _, _| json!({}));
    let body = "x\n".repeat(1500);
    let report = world.run(world.admin.import(body.into(), &sharded())).unwrap();
    assert_eq!((report.errors.len(), report.errors_omitted), (1000, 500));
    assert_eq!(to_json(&report)["errorsOmitted"], 500);
}

#[test]
fn a_shard_is_registered_before_it_gets_rows() {
    #[derive(Clone, Default)]
    struct Entries(Shared<Vec<String>>);
    impl crate::coordinator::ShardRegistry for Entries {
        fn list_shard_keys<'a>(
            &'a self,
            _: &'a str,
        ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
            Box::pin(async { Ok(vec![]) })
        }
        fn register<'a>(
            &'a self,
            table: &'a str,
            key: &'a ShardKey,
        ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
            self.0.borrow_mut().push(format!("{table} {key}"));
            Box::pin(async { Ok(()) })
        }
    }

    let log = Entries::default();
    let seen = log.clone();
    let world = World::new(registry(&[]), move |key, _, _| {
        let known = seen.0.borrow().iter().any(|entry| entry.ends_with(key));
        assert!(known || key == "__root__");
        json!({"conflicts": 0, "errors": [], "inserted": {}})
    });
    let coordinator = QueryCoordinator::new(log.clone()).clock(world.clock.clone());
    let admin = ShardAdmin { coordinator, ..world.admin.clone() };
    let body =
        "{\"table\":\"messages\",\"doc\":{\"channel\":\"a\"}}\n{\"table\":\"users\",\"doc\":{}}\n";
    world.run(admin.import(body.into(), &sharded())).unwrap();
    assert_eq!(*log.0.borrow(), ["messages a"]);
}

#[test]
fn a_row_without_a_shard_is_one_error_among_many_rows_that_go_in() {
    let rows = Shared::default();
    let world = World::new(registry(&[]), keeping(&rows));
    let mut body = String::from("\u{feff}");
    for id in 0..6000 {
        body += &format!("{{\"table\":\"messages\",\"doc\":{{\"_id\":{id},\"channel\":\"a\"}}}}\n");
    }
    body += "{\"table\":\"messages\",\"doc\":{\"_id\":-1,\"channel\":\"\"}}\n";
    let report = world.run(world.admin.import(body.into(), &sharded())).unwrap();
    assert_eq!((report.received, report.inserted["messages"]), (6001, 6000));
    assert_eq!((report.errors.len(), report.errors[0].line), (1, 6001));
}
