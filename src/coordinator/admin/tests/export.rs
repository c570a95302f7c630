//! Exports: every row once, or an error.

use bytes::Bytes;
use futures::stream;
use proptest::prelude::*;

use super::*;
use crate::message::{Body, BodyError};

/// Shards that answer `exportShard` in pages.
fn paged(rows: BTreeMap<String, Vec<Value>>) -> impl Fn(&str, &str, &Value) -> Value {
    move |key, operation, args| {
        assert_eq!(operation, "exportShard");
        let rows = rows.get(key).map_or(&[][..], Vec::as_slice);
        let from: usize = args["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let size = usize::try_from(args["batchSize"].as_u64().unwrap()).unwrap();
        let to = rows.len().min(from + size);
        let is_done = to == rows.len();
        let cursor = (!is_done).then(|| to.to_string());
        json!({"rows": rows[from..to], "cursor": cursor, "isDone": is_done, "seq": 40 + from})
    }
}

fn rows_of(table: &str, ids: impl IntoIterator<Item = u32>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({"table": table, "doc": {"_id": id}})).collect()
}

struct Exported {
    lines: Vec<Value>,
    shards: Vec<(String, u64, Option<u64>)>,
}

fn export(world: &World, mut request: ExportRequest) -> Result<Exported, LunoraError> {
    request.allow_empty_registry = true;
    world.run(async {
        let mut export = world.admin.export(request).await?;
        let mut exported = Exported { lines: Vec::new(), shards: Vec::new() };
        let mut count = 0;
        while let Some(chunk) = export.next().await? {
            let text = std::str::from_utf8(&chunk.lines).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'));
            let before = exported.lines.len();
            exported
                .lines
                .extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            let rows: u64 = chunk.rows.values().sum();
            assert_eq!(rows, (exported.lines.len() - before) as u64);
            count += rows;
            if let Some(end) = chunk.end_of_shard {
                exported.shards.push((chunk.shard_key.as_str().to_owned(), count, end.seq));
                count = 0;
            }
        }
        assert!(export.next().await?.is_none());
        Ok(exported)
    })
}

fn small_pages() -> ExportRequest {
    ExportRequest { page_rows: 2, ..ExportRequest::default() }
}

#[test]
fn rows_come_shard_by_shard_and_page_by_page() {
    let rows: BTreeMap<String, Vec<Value>> = [
        ("__root__".to_owned(), rows_of("users", 0..3)),
        ("a".to_owned(), rows_of("messages", 3..8)),
    ]
    .into();
    let world = World::new(registry(&[("messages", &["a", "b"])]), paged(rows.clone()));
    let exported = export(&world, small_pages()).unwrap();
    let all: Vec<Value> = rows.into_values().flatten().collect();
    assert_eq!(exported.lines, all);
    let shard = |key: &str, rows| (key.to_owned(), rows, Some(40));
    assert_eq!(exported.shards, [shard("__root__", 3), shard("a", 5), shard("b", 0)]);
}

#[test]
fn a_shard_without_pages_answers_at_once_and_is_read_piece_by_piece() {
    let rows = rows_of("t", 0..1000);
    let expected = rows.clone();
    let world = World::raw(registry(&[]), move |_, _, args| {
        assert!(args.get("cursor").is_some_and(Value::is_null));
        let text = json!({"result": {"rows": rows}}).to_string().into_bytes();
        let pieces: Vec<_> =
            text.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Response::body(Body::from_stream(stream::iter(pieces)))
    });
    let exported = export(&world, ExportRequest::new()).unwrap();
    assert_eq!(exported.lines, expected);
    assert_eq!(exported.shards, [("__root__".to_owned(), 1000, None)]);
}

#[test]
fn an_empty_registry_exports_the_default_shard_only_if_allowed() {
    let rows: BTreeMap<_, _> = [("__root__".to_owned(), rows_of("t", 0..1))].into();
    let world = World::new(registry(&[]), paged(rows));
    assert_eq!(export(&world, ExportRequest::new()).unwrap().lines.len(), 1);
    let refused = world.run(world.admin.export(ExportRequest::new())).err().unwrap();
    assert_eq!(refused.code(), "REGISTRY_EMPTY");
}

#[test]
fn a_registry_that_cannot_list_every_shard_is_asked_by_table_or_not_at_all() {
    struct Few;
    impl crate::coordinator::ShardRegistry for Few {
        fn list_shard_keys<'a>(
            &'a self,
            _: &'a str,
        ) -> futures::future::LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
            Box::pin(async { Ok(vec!["a".parse().unwrap()]) })
        }
    }

    let world = World::new(registry(&[]), paged(BTreeMap::new()));
    let coordinator = QueryCoordinator::new(Few).clock(world.clock.clone());
    let world = World { admin: ShardAdmin { coordinator, ..world.admin }, ..world };
    let refused = export(&world, ExportRequest::new()).err().unwrap();
    assert_eq!(refused.code(), "BAD_REQUEST");
    let exported = export(&world, ExportRequest::new().tables(["t"])).unwrap();
    assert_eq!(exported.shards.len(), 2);
}

#[test]
fn an_incomplete_answer_fails_the_export() {
    type Answer = Box<dyn Fn() -> Response>;
    let answers: Vec<(&str, Answer)> = vec![
        ("no rows", Box::new(|| Response::raw_json(r#"{"result":{}}"#))),
        ("no envelope", Box::new(|| Response::raw_json(r#"{"rows":[]}"#))),
        (
            "cut off",
            Box::new(|| Response::raw_json(r#"{"result":{"rows":[{"table":"t","doc":{}}]"#)),
        ),
        ("a row of nothing", Box::new(|| Response::raw_json(r#"{"result":{"rows":[null]}}"#))),
        ("a bare document", Box::new(|| Response::raw_json(r#"{"result":{"rows":[{"_id":1}]}}"#))),
        (
            "a page without an end",
            Box::new(|| Response::raw_json(r#"{"result":{"rows":[],"isDone":false}}"#)),
        ),
        (
            "the same page for ever",
            Box::new(|| {
                Response::raw_json(r#"{"result":{"rows":[],"cursor":"1","isDone":false}}"#)
            }),
        ),
        (
            "refused",
            Box::new(|| {
                let body = r#"{"error":{"code":"ADMIN_FORBIDDEN","message":"no"}}"#;
                Response::raw_json(body).with_status(403)
            }),
        ),
        (
            "broken",
            Box::new(|| {
                let pieces = [
                    Ok(Bytes::from_static(b"{\"result\":{\"rows\":[")),
                    Err(BodyError::Broken("gone".into())),
                ];
                Response::body(Body::from_stream(stream::iter(pieces)))
            }),
        ),
        ("stuck", Box::new(|| Response::body(Body::from_stream(stream::pending())))),
    ];
    for (name, answer) in answers {
        let world = World::raw(registry(&[]), move |_, _, _| answer());
        let error = export(&world, ExportRequest::new()).err().expect(name);
        assert!(error.message().contains("\"__root__\""), "{name}: {}", error.message());
        assert!(!error.to_log_line().is_empty());
    }
}

#[test]
fn a_slow_shard_is_waited_for_as_long_as_it_makes_progress() {
    let clock = ManualClock::new(0);
    let pace = clock.clone();
    let world = World::raw(registry(&[]), move |_, _, _| {
        let clock = pace.clone();
        let text = json!({"result": {"rows": rows_of("t", 0..9)}}).to_string().into_bytes();
        let pieces: Vec<Bytes> = text.chunks(20).map(Bytes::copy_from_slice).collect();
        let slow = stream::iter(pieces).then(move |piece| {
            let wait = crate::platform::Clock::sleep(&clock, Duration::from_secs(4));
            async move {
                wait.await;
                Ok(piece)
            }
        });
        Response::body(Body::from_stream(slow))
    });
    let coordinator = world.admin.coordinator.clone().clock(clock.clone());
    let world = World { admin: ShardAdmin { coordinator, ..world.admin }, clock, ..world };
    assert_eq!(export(&world, ExportRequest::new()).unwrap().lines.len(), 9);
}

proptest! {
    #[test]
    fn a_shard_that_fails_at_any_page_fails_the_export(
        sizes in prop::collection::vec(0u32..7, 1..4),
        fail_at in 0usize..12,
    ) {
        let keys: Vec<String> = (0..sizes.len()).map(|shard| format!("s{shard}")).collect();
        let rows: BTreeMap<String, Vec<Value>> = keys
            .iter()
            .zip(&sizes)
            .map(|(key, size)| (key.clone(), rows_of("t", 0..*size)))
            .collect();
        let answer = paged(rows);
        let calls = Rc::new(Cell::new(0));
        let counted = calls.clone();
        let registry = StaticShardRegistry::new().table("t", keys).unwrap();
        let world = World::raw(registry, move |key, operation, args| {
            counted.set(counted.get() + 1);
            if counted.get() == fail_at + 1 {
                return Response::raw_json("{}").with_status(503);
            }
            Response::raw_json(json!({"result": answer(key, operation, args)}).to_string())
        });
        let exported = export(&world, small_pages());
        if calls.get() > fail_at {
            prop_assert!(exported.is_err());
        } else {
            let total: u32 = sizes.iter().sum();
            prop_assert_eq!(exported.unwrap().lines.len(), total as usize);
        }
    }
}
