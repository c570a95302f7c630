//! Queries across shards: what a shard more costs, and what the merges do.

use divan::{Bencher, black_box, counter::ItemsCount};
use futures::executor::block_on;
use lunora::coordinator::{
    Direction, FanOut, Merge, QueryCoordinator, ShardCall, StaticShardRegistry,
};
use serde_json::{Value as Json, json};

use super::shards::{Still, resolver};

const CALL: &str = r#"{"args":{},"functionPath":"__lunora_relation__:messages"}"#;
const SHARDS: [usize; 4] = [1, 10, 100, 1000];

fn coordinator(shards: usize) -> QueryCoordinator {
    let keys = (0..shards).map(|shard| format!("shard:{shard}"));
    let registry = StaticShardRegistry::new().table("messages", keys).unwrap();
    QueryCoordinator::new(registry).clock(Still)
}

/// Some rows of one shard.
fn rows(count: usize) -> String {
    let rows: Vec<Json> = (0..count)
        .map(|n| json!({ "_id": format!("m{n}"), "rank": (n * 7919) % 1000, "text": "a message of a user" }))
        .collect();
    Json::Array(rows).to_string()
}

fn top(k: u64) -> Merge {
    Merge::TopK { k: k.try_into().unwrap(), by: "rank".into(), direction: Direction::Desc }
}

/// Items are shards: as many a second, however many there are.
#[divan::bench(args = SHARDS)]
fn cost_per_shard(bencher: Bencher<'_, '_>, shards: usize) {
    let coordinator = coordinator(shards);
    let spec = FanOut::new("messages", Merge::Concat);
    let resolve = resolver(rows(1));
    bencher.counter(ItemsCount::new(shards)).bench_local(|| {
        block_on(coordinator.fan_out(black_box(&spec), ShardCall::new(&resolve, CALL))).unwrap()
    });
}

/// 16 shards with 200 rows each.
mod merges {
    use super::*;

    fn run(bencher: Bencher<'_, '_>, merge: Merge) {
        let coordinator = coordinator(16);
        let spec = FanOut::new("messages", merge);
        let resolve = resolver(rows(200));
        bencher.bench_local(|| {
            block_on(coordinator.fan_out(black_box(&spec), ShardCall::new(&resolve, CALL))).unwrap()
        });
    }

    #[divan::bench]
    fn concat(bencher: Bencher<'_, '_>) {
        run(bencher, Merge::Concat);
    }

    #[divan::bench]
    fn top_20(bencher: Bencher<'_, '_>) {
        run(bencher, top(20));
    }

    fn parsed(answers: &[String]) -> Vec<Json> {
        answers
            .iter()
            .flat_map(|answer| match serde_json::from_str(answer).unwrap() {
                Json::Array(rows) => rows,
                other => vec![other],
            })
            .collect()
    }

    #[divan::bench]
    fn concat_naive(bencher: Bencher<'_, '_>) {
        let answers = vec![rows(200); 16];
        bencher.bench_local(|| Json::Array(parsed(black_box(&answers))).to_string());
    }

    #[divan::bench]
    fn top_20_naive(bencher: Bencher<'_, '_>) {
        let answers = vec![rows(200); 16];
        bencher.bench_local(|| {
            let mut rows = parsed(black_box(&answers));
            rows.sort_by(|a, b| {
                b["rank"].as_f64().unwrap().total_cmp(&a["rank"].as_f64().unwrap())
            });
            rows.truncate(20);
            Json::Array(rows).to_string()
        });
    }
}
