//! Ranks and pages of an index that spans shards.

use std::{cmp::Ordering, num::NonZeroU16};

use proptest::prelude::*;

use super::*;

/// A row: its sort value and its id.
type Row = (i64, String);

/// Shards that answer `rankPage` from sorted rows, at most `limit` at a time; the shards in
/// `failing` fail.
fn paging(
    rows: &[Vec<Row>],
    direction: SortDirection,
    limit: usize,
    failing: &Rc<RefCell<Vec<bool>>>,
) -> World {
    let order = move |a: &Row, b: &Row| {
        let by_value = a.0.cmp(&b.0);
        let by_value = if direction == SortDirection::Desc { by_value.reverse() } else { by_value };
        by_value.then_with(|| a.1.cmp(&b.1))
    };
    let mut sorted = rows.to_vec();
    sorted.iter_mut().for_each(|rows| rows.sort_by(order));
    let keys: Vec<String> = (0..rows.len()).map(|shard| shard.to_string()).collect();
    let registry = StaticShardRegistry::new().table("t", keys).unwrap();
    let failing = failing.clone();
    World::raw(registry, move |key, operation, args| {
        assert_eq!(operation, "rankPage");
        let shard: usize = key.parse().unwrap();
        if failing.borrow()[shard] {
            return Response::raw_json("{}").with_status(500);
        }
        let after = args.get("after").map(|after| {
            let value = after["sortValues"][0].as_i64().unwrap();
            (value, after["rowId"].as_str().unwrap().to_owned())
        });
        let behind =
            |row: &&Row| after.as_ref().is_none_or(|after| order(row, after) == Ordering::Greater);
        let mut rest = sorted[shard].iter().filter(behind);
        let take = limit.min(usize::try_from(args["take"].as_u64().unwrap()).unwrap());
        let page: Vec<Value> = rest
            .by_ref()
            .take(take)
            .map(|(value, id)| {
                json!({
                    "doc": {"id": id, "shard": shard, "value": value},
                    "key": {"partitionKey": "", "rowId": id, "sortValues": [value]},
                })
            })
            .collect();
        let has_more = rest.next().is_some();
        let result = json!({"rows": page, "hasMore": has_more, "directions": [direction]});
        Response::raw_json(json!({ "result": result }).to_string())
    })
}

fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (-3i64..3, "[ab]{0,2}");
    let shard = prop::collection::btree_set(row, 0..8).prop_map(|rows| rows.into_iter().collect());
    prop::collection::vec(shard, 1..5)
}

proptest! {
    #[test]
    fn pages_yield_each_row_once_and_those_of_other_shards_whichever_shards_fail(
        rows in rows(),
        descending: bool,
        take in 1u16..6,
        limit in 1usize..6,
        failures in prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.3), 5), 0..6),
    ) {
        let direction = if descending { SortDirection::Desc } else { SortDirection::Asc };
        let failing = Rc::new(RefCell::new(vec![false; 5]));
        let world = paging(&rows, direction, limit, &failing);
        let mut failures = failures.into_iter();
        let mut cursor = None;
        let mut seen: Vec<(i64, String, u64)> = Vec::new();
        let mut failed = false;
        let order = |a: &(i64, String, u64), b: &(i64, String, u64)| {
            let by_value = if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) };
            by_value.then_with(|| (&a.1, a.2).cmp(&(&b.1, b.2)))
        };
        for round in 0.. {
            prop_assert!(round < 200, "it never ends");
            *failing.borrow_mut() = failures.next().unwrap_or_else(|| vec![false; 5]);
            let take = NonZeroU16::new(take).unwrap();
            let request = RankPageRequest::new("t", "by_value").take(take).cursor(cursor);
            let page = world.run(world.admin.rank_page(&request)).unwrap();
            prop_assert_eq!(page.partial, page.failed > 0);
            prop_assert!(page.page.len() <= take.get().into());
            let docs: Vec<_> = page.page.iter().map(|doc| {
                let doc: Value = serde_json::from_str(doc.get()).unwrap();
                let id = doc["id"].as_str().unwrap().to_owned();
                (doc["value"].as_i64().unwrap(), id, doc["shard"].as_u64().unwrap())
            }).collect();
            prop_assert!(docs.is_sorted_by(|a, b| order(a, b).is_le()));
            // Rows of shards that answer do not wait for the others.
            let remain = |shard: usize| {
                let seen = seen.iter().filter(|row| row.2 == shard as u64).count();
                seen < rows[shard].len() && !failing.borrow()[shard]
            };
            prop_assert_eq!(docs.is_empty(), !(0..rows.len()).any(remain));
            failed |= page.partial;
            seen.extend(docs);
            cursor = page.continue_cursor;
            if page.is_done {
                prop_assert!(cursor.is_none());
                break;
            }
        }
        let mut expected: Vec<_> = (0u64..)
            .zip(rows.clone())
            .flat_map(|(shard, rows)| rows.into_iter().map(move |(value, id)| (value, id, shard)))
            .collect();
        expected.sort_by(order);
        if failed {
            for shard in 0..rows.len() as u64 {
                let own = seen.iter().filter(|row| row.2 == shard);
                prop_assert!(own.is_sorted_by(|a, b| order(a, b).is_lt()), "each shard is in order");
            }
            seen.sort_by(order);
        }
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn rejects_an_invalid_cursor() {
    let failing = Rc::new(RefCell::new(vec![false]));
    let world = paging(&[vec![]], SortDirection::Asc, 1, &failing);
    for cursor in ["", "!", "e30", "eyJ2IjoyLCJhZnRlciI6bnVsbH0"] {
        let request = RankPageRequest::new("t", "i").cursor(Some(cursor.to_owned()));
        let error = world.run(world.admin.rank_page(&request)).unwrap_err();
        assert_eq!(error.code(), "BAD_REQUEST", "{cursor:?}");
    }
    assert!(world.shards.calls().is_empty());
}

#[test]
fn a_shard_that_repeats_itself_fails_instead_of_looping() {
    let row = json!({"doc": {}, "key": {"partitionKey": "", "rowId": "a", "sortValues": [1]}});
    let slice = json!({"rows": [row], "hasMore": true, "directions": ["asc"]});
    let world = World::new(registry(&[("t", &["a"])]), move |_, _, _| slice.clone());
    let first = world.run(world.admin.rank_page(&RankPageRequest::new("t", "i"))).unwrap();
    assert_eq!((first.page.len(), first.is_done), (1, false));
    let request = RankPageRequest::new("t", "i").cursor(first.continue_cursor.clone());
    let second = world.run(world.admin.rank_page(&request)).unwrap();
    assert_eq!((second.failed, second.page.len()), (1, 0));
    assert_eq!(second.continue_cursor, first.continue_cursor);
    assert_eq!(second.shards[0].error.as_ref().unwrap().code, "SHARD_ERROR");
}

#[test]
fn a_rank_adds_up_what_comes_before() {
    let world = World::new(registry(&[("t", &["a", "b"])]), |key, operation, args| {
        assert_eq!((operation, &args["sortValues"]), ("rankBefore", &json!([7])));
        json!({"before": if key == "a" { 2 } else { 3 }, "total": 10})
    });
    let request: RankRequest = serde_json::from_value(json!({
        "table": "t", "index": "i", "partitionKey": "", "rowId": "x", "sortValues": [7],
    }))
    .unwrap();
    let report = world.run(world.admin.rank(&request)).unwrap();
    assert_eq!((report.position, report.total, report.partial), (6, 20, false));

    world.shards.shard("b").hangs();
    let report = world.run(world.admin.rank(&request)).unwrap();
    assert_eq!((report.position, report.total, report.partial), (3, 10, true));
    assert_eq!(
        to_json(&report.shards[1]),
        json!({
            "shardKey": "b",
            "error": {
                "code": "SHARD_TIMEOUT",
                "message": "shard \"b\" gave no answer within 5000 ms",
                "timedOut": true,
            },
        })
    );
}
