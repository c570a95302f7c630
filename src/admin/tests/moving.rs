//! Operations across shards, data movement, snapshots.

mod changes;
mod exports;
mod globals;
mod registry;
mod snapshots;

use std::cell::Cell;

use serde_json::json;

use super::*;
use crate::{
    backup::BackupConfig,
    builder::VouchedShards,
    coordinator::{QueryCoordinator, Sharding, StaticShardRegistry},
    platform::{ObjectStore, PutOptions},
    testing::{ManualClock, MemoryObjectStore},
};

/// Two shards of `messages` besides the default shard; each answers an operation with the result of
/// `answer` for key, operation and arguments.
fn app(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace) {
    let (app, shards, _) = app_with_clock(answer);
    (app, shards)
}

fn app_with_clock(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace, ManualClock) {
    app_with_drill(answer, None)
}

fn app_with_drill(
    answer: impl Fn(&str, &str, &Value) -> Value + 'static,
    drill: Option<crate::schedule::CronExpression>,
) -> (Lunora<MemoryEnvironment>, MemoryNamespace, ManualClock) {
    let shards = MemoryNamespace::new(async move |address, mut request: Request| {
        // Health asks whether the shard is up, without a token.
        if request.path() == "/_lunora/status" {
            return Response::empty();
        }
        assert_eq!(request.header("authorization"), Some(BEARER));
        let body: Value = request.json(1 << 20).await.unwrap();
        let operation = body["functionPath"].as_str().unwrap();
        let operation = operation.strip_prefix("__lunora_admin__:").unwrap();
        let result = answer(address.key.as_str(), operation, &body["args"]);
        Response::raw_json(json!({ "result": result }).to_string())
    });
    let registry = StaticShardRegistry::new().table("messages", ["a", "b"]).unwrap();
    let clock = ManualClock::new(1_780_315_200_000);
    let backup = BackupConfig::builder()
        .store(MemoryObjectStore::new().with_clock(&clock))
        .cron(cron!("0 3 * * *"))
        .retain(crate::keep!(1));
    let backup = match drill {
        Some(cron) => backup.drill(cron).build(),
        None => backup.build(),
    };
    let app = testing::builder()
        .shard_do(VouchedShards::new(shards.clone()))
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .query_coordinator(QueryCoordinator::new(registry).clock(clock.clone()))
        .sharding(Sharding::new().by("messages", "channel"))
        .backup(backup)
        .clock(clock.clone())
        .build();
    (app, shards, clock)
}

/// Each shard has one message, the default shard one user.
fn export(key: &str, operation: &str, _: &Value) -> Value {
    assert_eq!(operation, "exportShard");
    let table = if key == "__root__" { "users" } else { "messages" };
    json!({"rows": [{"table": table, "doc": {"_id": key}}], "cursor": null, "isDone": true})
}
