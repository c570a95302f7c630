//! Admin operations over shards in memory that hold rows.

mod changes;
mod export;
mod import;
mod rank;
mod rebuild;
mod reports;
#[cfg(feature = "shard-testing")]
mod round_trip;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use futures::{FutureExt, executor::block_on, future::LocalBoxFuture};
use serde_json::{Value, json};

use super::*;
use crate::{
    coordinator::{ShardRegistry, StaticShardRegistry},
    message::{Request, Response},
    testing::{ManualClock, MemoryNamespace},
};

/// The entries of a registry: the tables and keys of shards.
#[derive(Clone, Default)]
struct Entries(Rc<RefCell<Vec<(String, ShardKey)>>>);

impl ShardRegistry for Entries {
    fn list_shard_keys<'a>(
        &'a self,
        table: &'a str,
    ) -> LocalBoxFuture<'a, Result<Vec<ShardKey>, LunoraError>> {
        let entries = self.0.borrow();
        let keys = entries.iter().filter(|(own, _)| own == table).map(|(_, key)| key.clone());
        std::future::ready(Ok(keys.collect())).boxed_local()
    }

    fn list_every_shard_key(
        &self,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<ShardKey>>, LunoraError>> {
        let keys = self.0.borrow().iter().map(|(_, key)| key.clone()).collect();
        std::future::ready(Ok(Some(keys))).boxed_local()
    }

    fn register<'a>(
        &'a self,
        table: &'a str,
        key: &'a ShardKey,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        let entry = (table.to_owned(), key.clone());
        if !self.0.borrow().contains(&entry) {
            self.0.borrow_mut().push(entry);
        }
        std::future::ready(Ok(())).boxed_local()
    }
}

/// Shards in memory, a clock that advances by itself, and their admin.
struct World {
    shards: MemoryNamespace,
    clock: ManualClock,
    admin: ShardAdmin,
}

/// The contents and the behavior of the shards; shared with their handler.
type Shared<T> = Rc<RefCell<T>>;

impl World {
    /// Creates shards that answer an operation with the result of `answer` for key, operation and
    /// arguments.
    fn new(
        registry: impl ShardRegistry,
        answer: impl Fn(&str, &str, &Value) -> Value + 'static,
    ) -> Self {
        Self::raw(registry, move |key, operation, args| {
            Response::raw_json(json!({ "result": answer(key, operation, args) }).to_string())
        })
    }

    fn raw(
        registry: impl ShardRegistry,
        answer: impl Fn(&str, &str, &Value) -> Response + 'static,
    ) -> Self {
        let shards = MemoryNamespace::new(async move |address, mut request: Request| {
            let body = request.bytes(64 * 1024 * 1024).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let path = body["functionPath"].as_str().unwrap();
            let operation = path.strip_prefix("__lunora_admin__:").unwrap();
            answer(address.key.as_str(), operation, &body["args"])
        });
        let clock = ManualClock::new(0);
        let coordinator = QueryCoordinator::new(registry).clock(clock.clone());
        let token = AdminToken::new("a-token-that-nobody-guesses").unwrap();
        let admin = ShardAdmin::new(coordinator, shards.clone(), &token);
        Self { shards, clock, admin }
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        block_on(self.clock.run(work))
    }
}

fn registry(tables: &[(&str, &[&str])]) -> StaticShardRegistry {
    tables.iter().fold(StaticShardRegistry::new(), |registry, (table, keys)| {
        registry.table(*table, keys.iter().copied()).unwrap()
    })
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn every_call_carries_the_admin_token() {
    let world = World::new(registry(&[("t", &["a"])]), |_, _, _| json!({"requests": 1}));
    world.run(world.admin.shard_traffic("t")).unwrap();
    let call = world.shards.calls().pop().unwrap();
    assert_eq!(call.header("authorization"), Some("Bearer a-token-that-nobody-guesses"));
    assert_eq!((call.method.as_str(), call.path()), ("POST", "/rpc"));
}

#[test]
fn a_table_without_an_entry_lives_in_the_default_shard() {
    let world = World::new(registry(&[("t", &["a"])]), |_, _, _| json!({"requests": 1}));
    let traffic = world.run(world.admin.shard_traffic("unknown")).unwrap();
    assert_eq!(traffic.shards[0].shard_key.as_str(), "__root__");
    let world = World { admin: world.admin.default_shard("home".parse().unwrap()), ..world };
    let traffic = world.run(world.admin.shard_traffic("unknown")).unwrap();
    assert_eq!(traffic.shards[0].shard_key.as_str(), "home");
}

#[test]
fn calls_of_operations_have_these_bodies() {
    use crate::wire::operation::{
        CdcSync, CdcSyncArgs, ClearTable, DeleteArgs, ExportClients, ExportClientsArgs,
        ExportShard, ExportShardArgs, ImportClients, ImportClientsArgs, ImportShard,
        ImportShardArgs, ListTables, NoArgs, Unfilled,
    };

    let body = |call: Result<super::AdminCall, crate::LunoraError>| {
        String::from_utf8(call.unwrap().body.to_vec()).unwrap()
    };
    let export = ExportShardArgs {
        batch_size: Some(5),
        cursor: Some(None),
        max_bytes: Some(7),
        tables: Some((&[][..]).into()),
    };
    let clear = DeleteArgs {
        limit: Some(500),
        table: "t".into(),
        filters: None,
        search: None,
        after: None,
        ids: None,
    };
    let rows = ImportShardArgs { rows: Unfilled::default(), start_line: Some(1) };
    let lines = ImportClientsArgs { lines: Unfilled::default(), reset: true };
    let clients = ExportClientsArgs { since: 0, cursor: None, limit: None };
    let changes = CdcSyncArgs { limit: None, since_seq: 9, until_ts: None };
    type Call = super::AdminCall;
    for (call, args, op) in [
        (
            Call::of::<ExportShard>(&export),
            r#"{"batchSize":5,"cursor":null,"maxBytes":7,"tables":[]}"#,
            "exportShard",
        ),
        (
            Call::filled::<ImportShard>(&rows, r#"{"table":"t","doc":{"n": 1.0}}"#),
            r#"{"rows":[{"table":"t","doc":{"n": 1.0}}],"startLine":1}"#,
            "importShard",
        ),
        (
            Call::filled::<ImportClients>(&lines, ""),
            r#"{"lines":[],"reset":true}"#,
            "importClients",
        ),
        (Call::of::<ExportClients>(&clients), r#"{"since":0,"cursor":null}"#, "exportClients"),
        (Call::of::<CdcSync>(&changes), r#"{"sinceSeq":9}"#, "cdcSync"),
        (Call::of::<ClearTable>(&clear), r#"{"limit":500,"table":"t"}"#, "clearTable"),
        (Call::of::<ListTables>(&NoArgs {}), "{}", "listTables"),
    ] {
        let expected = format!(r#"{{"args":{args},"functionPath":"__lunora_admin__:{op}"}}"#);
        assert_eq!(body(call), expected);
    }
}
