//! Backups of shards in memory into a store in memory.

#[cfg(feature = "shard-testing")]
mod clients;
#[cfg(feature = "shard-testing")]
mod consistency;
#[cfg(feature = "shard-testing")]
mod drills;
mod faults;
mod globals;
#[cfg(feature = "admin")]
mod known;
mod leases;
mod restoring;
mod resuming;

mod retention;
mod sharing;
mod status;
mod taking;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::{
    AdminToken, Request, Response,
    coordinator::{QueryCoordinator, ShardAdmin, StaticShardRegistry},
    cron,
    errors::LunoraError,
    platform::{Clock, ObjectStore},
    testing::{ManualClock, MemoryNamespace, MemoryObjectStore},
};

/// The rows of each shard: table, then `_id`, then document.
type Rows = BTreeMap<String, BTreeMap<(String, String), Value>>;

/// A deployment in memory: shards that keep rows, a store, a clock that advances by itself.
#[derive(Clone)]
struct World {
    rows: Rc<RefCell<Rows>>,
    shards: MemoryNamespace,
    store: MemoryObjectStore,
    clock: ManualClock,
}

impl World {
    /// Shards `a`, `b`, … with `sizes` rows each, and the default shard with three.
    fn new(sizes: &[usize]) -> Self {
        let mut rows = Rows::new();
        for id in 0..3 {
            put(&mut rows, "__root__", "users", &format!("u{id}"), json!({"name": "Jürgen"}));
        }
        for (shard, size) in ('a'..).zip(sizes) {
            for id in 0..*size {
                let doc = json!({"text": "x".repeat(id % 50), "big": 9_007_199_254_740_993_u64});
                put(&mut rows, &shard.to_string(), "messages", &format!("m{id:05}"), doc);
            }
        }
        Self::with(rows)
    }

    fn with(rows: Rows) -> Self {
        let rows = Rc::new(RefCell::new(rows));
        let kept = rows.clone();
        let shards = MemoryNamespace::new(async move |address, mut request: Request| {
            let body: Value = request.json(64 * 1024 * 1024).await.unwrap();
            let path = body["functionPath"].as_str().unwrap();
            let operation = path.strip_prefix("__lunora_admin__:").unwrap();
            if let Some(unknown) = unknown_operation(operation) {
                return unknown;
            }
            let result = answer(&kept, address.key.as_str(), operation, &body["args"]);
            Response::raw_json(json!({ "result": result }).to_string())
        });
        let clock = ManualClock::new(1_780_315_200_000);
        let store = MemoryObjectStore::new().with_clock(&clock);
        Self { rows, shards, store, clock }
    }

    fn backups(&self) -> Backups {
        self.backups_with(|config| config)
    }

    fn backups_with(
        &self,
        change: impl FnOnce(BackupConfig<MemoryObjectStore>) -> BackupConfig<MemoryObjectStore>,
    ) -> Backups {
        let keys: Vec<String> =
            self.rows.borrow().keys().filter(|key| *key != "__root__").cloned().collect();
        let registry = StaticShardRegistry::new().table("messages", keys).unwrap();
        let coordinator = QueryCoordinator::new(registry).clock(self.clock.clone());
        let token = AdminToken::new("nobody-guesses-this-token").unwrap();
        let admin = ShardAdmin::new(coordinator, self.shards.clone(), &token);
        let config =
            BackupConfig::builder().store(self.store.clone()).cron(cron!("0 3 * * *")).build();
        Backups::new(change(config), admin).clock(self.clock.clone())
    }

    fn take(&self, time_ms: i64) -> Result<Manifest, LunoraError> {
        let trigger = BackupTrigger::scheduled("0 3 * * *", time_ms);
        self.run(self.backups().take(&trigger))
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        block_on(self.clock.run(work))
    }

    /// The rows of the snapshot at `key`.
    fn lines(&self, key: &str) -> Vec<Value> {
        let object = self.store.object(key).unwrap();
        let text = String::from_utf8(object.bytes.to_vec()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every row of every shard as its line, sorted.
    fn all_rows(&self) -> Vec<String> {
        let rows = self.rows.borrow();
        let rows = rows.values().flatten();
        let mut rows: Vec<String> =
            rows.map(|((table, _), doc)| json!({"table": table, "doc": doc}).to_string()).collect();
        rows.sort();
        rows
    }
}

fn put(rows: &mut Rows, shard: &str, table: &str, id: &str, mut doc: Value) {
    doc["_id"] = json!(id);
    rows.entry(shard.to_owned()).or_default().insert((table.to_owned(), id.to_owned()), doc);
}

/// The response to an operation that a shard of another implementation does not know.
fn unknown_operation(operation: &str) -> Option<Response> {
    ["emptyScratch", "exportClients", "importClients"].contains(&operation).then(|| {
        let error = json!({ "code": "UNKNOWN_ADMIN_OP", "message": "unknown admin operation" });
        Response::raw_json(json!({ "error": error }).to_string()).with_status(404)
    })
}

/// Returns the answer of a shard: export in pages of 7 rows, import, clear.
fn answer(rows: &Rc<RefCell<Rows>>, shard: &str, operation: &str, args: &Value) -> Value {
    let mut all = rows.borrow_mut();
    let rows = all.entry(shard.to_owned()).or_default();
    match operation {
        "exportShard" => {
            let tables = args["tables"].as_array().unwrap();
            let wanted =
                |table: &str| tables.is_empty() || tables.iter().any(|wanted| wanted == table);
            let from: usize = args["cursor"].as_str().map_or(0, |at| at.parse().unwrap());
            let rows: Vec<Value> = rows
                .iter()
                .filter(|((table, _), _)| wanted(table))
                .map(|((table, _), doc)| json!({"table": table, "doc": doc}))
                .collect();
            let to = rows.len().min(from + 7);
            let is_done = to == rows.len();
            let cursor = (!is_done).then(|| to.to_string());
            json!({"rows": rows[from..to], "cursor": cursor, "isDone": is_done, "seq": 41})
        }
        "importShard" => {
            let (mut conflicts, mut inserted) = (0, BTreeMap::<String, u64>::new());
            for row in args["rows"].as_array().unwrap() {
                let table = row["table"].as_str().unwrap().to_owned();
                let id = row["doc"]["_id"].as_str().unwrap().to_owned();
                if rows.contains_key(&(table.clone(), id.clone())) {
                    conflicts += 1;
                } else {
                    rows.insert((table.clone(), id), row["doc"].clone());
                    *inserted.entry(table).or_default() += 1;
                }
            }
            json!({"conflicts": conflicts, "errors": [], "inserted": inserted})
        }
        "clearTable" => {
            let limit = usize::try_from(args["limit"].as_u64().unwrap()).unwrap();
            let table = args["table"].as_str().unwrap();
            let keys: Vec<_> = rows.keys().filter(|(own, _)| own == table).cloned().collect();
            let has_more = keys.len() > limit;
            let count = keys.len().min(limit);
            keys.into_iter().take(limit).for_each(|key| drop(rows.remove(&key)));
            json!({"count": count, "hasMore": has_more})
        }
        "listTables" => {
            let names: BTreeSet<_> = rows.keys().map(|(table, _)| table.clone()).collect();
            names.into_iter().map(|name| json!({"name": name, "rowCount": 1})).collect()
        }
        other => unreachable!("{other}"),
    }
}
