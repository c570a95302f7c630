//! Snapshots of shards that are written to while they are read.

use std::collections::VecDeque;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::shard::{Mutation, ShardDefinition, Table, table, testing::TestShard};

const TOKEN: &str = "nobody-guesses-this-token";
const ALPHA: Table = table!("alpha");
const BETA: Table = table!("beta").soft_delete();
const GAMMA: Table = table!("gamma");

fn tables() -> [Table; 3] {
    [ALPHA, BETA, GAMMA]
}

/// One write: a document is put into a table, deleted from it, or moved to the next one.
#[derive(Clone, Debug, Deserialize, serde::Serialize)]
enum Write {
    Put { table: usize, id: String, text: String },
    Delete { table: usize, id: String },
    Move { table: usize, id: String },
}

fn write(ctx: &Mutation<'_>, write: Write) -> Result<(), LunoraError> {
    let put = |table: Table, id: &str, text: &str| {
        let value = serde_json::from_value(json!({ "text": text })).unwrap();
        // An id is taken by a deleted document too.
        ctx.db().delete(table, id)?;
        ctx.db().insert_with_id(table, id, value).map(|_| ()).or(Ok(()))
    };
    match write {
        Write::Put { table, id, text } => put(tables()[table], &id, &text),
        Write::Delete { table, id } => ctx.db().delete(tables()[table], &id).map(|_| ()),
        Write::Move { table, id } => {
            if ctx.db().delete(tables()[table], &id)? {
                put(tables()[(table + 1) % 3], &id, "moved")?;
            }
            Ok(())
        }
    }
}

fn shard() -> TestShard {
    let definition =
        ShardDefinition::new().table(ALPHA).table(BETA).table(GAMMA).mutation("docs:write", write);
    TestShard::named("a", definition).admin_token(TOKEN)
}

/// One shard with pages of two rows, and writes that come before each of them.
struct Busy {
    shard: TestShard,
    writes: RefCell<VecDeque<Vec<Write>>>,
    /// The rows at each sequence number at which a page was read.
    states: RefCell<BTreeMap<u64, Vec<String>>>,
    calls: RefCell<Vec<String>>,
}

impl Busy {
    fn new(rows: &[Write], writes: Vec<Vec<Write>>) -> Rc<Self> {
        Self::of(shard(), rows, writes)
    }

    fn of(shard: TestShard, rows: &[Write], writes: Vec<Vec<Write>>) -> Rc<Self> {
        let busy = Self {
            shard,
            writes: RefCell::new(writes.into()),
            states: RefCell::default(),
            calls: RefCell::default(),
        };
        block_on(busy.apply(rows));
        Rc::new(busy)
    }

    async fn apply(&self, writes: &[Write]) {
        for write in writes {
            self.ask(&json!({ "functionPath": "docs:write", "args": write })).await;
        }
    }

    async fn ask(&self, body: &Value) -> Value {
        let request = Request::post("https://shard.internal/rpc", body.to_string())
            .with_header("authorization", format!("Bearer {TOKEN}"));
        let answer = self.shard.shard().fetch(request).await;
        let bytes = answer.into_parts().1.into_bytes(usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    async fn rows(&self) -> Vec<String> {
        let whole = json!({ "functionPath": "__lunora_admin__:exportShard", "args": {} });
        let answer = self.ask(&whole).await;
        answer["result"]["rows"].as_array().unwrap().iter().map(Value::to_string).collect()
    }

    async fn answer(&self, mut body: Value) -> Value {
        let operation = body["functionPath"].as_str().unwrap().to_owned();
        self.calls.borrow_mut().push(operation.clone());
        if operation.ends_with(":exportShard") || operation.ends_with(":cdcSync") {
            let writes = self.writes.borrow_mut().pop_front().unwrap_or_default();
            self.apply(&writes).await;
        }
        if !operation.ends_with(":exportShard") {
            return self.ask(&body).await;
        }
        body["args"]["batchSize"] = json!(2);
        let page = self.ask(&body).await;
        let rows = self.rows().await;
        self.states.borrow_mut().insert(page["result"]["seq"].as_u64().unwrap(), rows);
        page
    }

    fn backups(self: &Rc<Self>, store: &MemoryObjectStore, clock: &ManualClock) -> Backups {
        let root = shard();
        let busy = self.clone();
        let namespace =
            MemoryNamespace::new(async move |address, mut request: Request| {
                let body: Value = request.json(64 * 1024 * 1024).await.unwrap();
                let answer = match address.key.as_str() {
                    "a" => busy.answer(body).await,
                    _ => {
                        let request = Request::post("https://shard.internal/rpc", body.to_string())
                            .with_header("authorization", format!("Bearer {TOKEN}"));
                        return root.shard().fetch(request).await;
                    }
                };
                Response::raw_json(answer.to_string())
                    .with_status(if answer.get("error").is_some() { 409 } else { 200 })
            });
        let registry = StaticShardRegistry::new().table("alpha", ["a"]).unwrap();
        let coordinator = QueryCoordinator::new(registry).clock(clock.clone());
        let admin = ShardAdmin::new(coordinator, namespace, &AdminToken::new(TOKEN).unwrap());
        let config = BackupConfig::builder().store(store.clone()).cron(cron!("0 3 * * *")).build();
        Backups::new(config, admin).clock(clock.clone())
    }
}

fn take(busy: &Rc<Busy>) -> (MemoryObjectStore, ManualClock, Result<Manifest, LunoraError>) {
    let clock = ManualClock::new(1_780_315_200_000);
    let store = MemoryObjectStore::new().with_clock(&clock);
    let backups = busy.backups(&store, &clock);
    let taken = block_on(clock.run(backups.take(&BackupTrigger::manual(0))));
    (store, clock, taken)
}

fn part_of<'a>(manifest: &'a Manifest, shard: &str) -> &'a ManifestShard {
    manifest.shards.iter().find(|part| part.shard_key == shard).unwrap()
}

/// Restores a snapshot into a shard that begins with `rows`, some lines at a time.
fn restored(
    store: &MemoryObjectStore,
    clock: &ManualClock,
    manifest: &Manifest,
    rows: &[Write],
    max_rows: Option<u64>,
) -> Vec<String> {
    let target = Busy::new(rows, Vec::new());
    let backups = target.backups(store, clock);
    let mut request = RestoreRequest::new(&manifest.id).without_safety_snapshot();
    (request.max_rows, request.replace) = (max_rows, rows.is_empty());
    let mut lines = 0;
    loop {
        let report = block_on(clock.run(backups.restore(&request))).unwrap();
        assert_eq!(report.import.errors, []);
        lines += report.import.received + report.superseded;
        request.from = report.next;
        if report.next.is_none() {
            break;
        }
    }
    assert_eq!(lines, manifest.rows + manifest.changes);
    block_on(target.rows())
}

fn some_write() -> impl Strategy<Value = Write> {
    let id = (0..8_u8).prop_map(|id| format!("d{id}"));
    (0..3_usize, id, 0..4_u8, 0..100_u8).prop_map(|(table, id, kind, text)| match kind {
        0 => Write::Delete { table, id },
        1 => Write::Move { table, id },
        _ => Write::Put { table, id, text: text.to_string() },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_snapshot_is_the_state_of_its_shard_at_one_sequence_number(
        rows in prop::collection::vec(some_write(), 0..20),
        writes in prop::collection::vec(prop::collection::vec(some_write(), 0..4), 0..12),
        max_rows in prop::option::of(1..9_u64),
    ) {
        let busy = Busy::new(&rows, writes);
        let (store, clock, taken) = take(&busy);
        let manifest = taken.unwrap();
        prop_assert!(manifest.consistent);
        let states = busy.states.borrow();
        let expected = &states[&part_of(&manifest, "a").seq.unwrap()];
        prop_assert_eq!(&restored(&store, &clock, &manifest, &[], max_rows), expected);
        let verified = block_on(clock.run(busy.backups(&store, &clock).verify(&manifest.id)));
        prop_assert_eq!(verified.unwrap().problems, Vec::<String>::new());
    }
}

fn put(table: usize, id: &str, text: &str) -> Write {
    Write::Put { table, id: id.to_owned(), text: text.to_owned() }
}

#[test]
fn a_document_that_moves_behind_the_reader_is_in_the_snapshot() {
    let rows = [put(0, "a", "x"), put(0, "b", "x"), put(0, "c", "x"), put(2, "0-wanderer", "x")];
    let moves = vec![vec![], vec![Write::Move { table: 2, id: "0-wanderer".to_owned() }]];
    let busy = Busy::new(&rows, moves);
    let (store, clock, taken) = take(&busy);
    let manifest = taken.unwrap();
    assert_eq!((manifest.rows, manifest.changes), (3, 2));
    let rows = restored(&store, &clock, &manifest, &[], None);
    assert!(rows.iter().any(|row| row.contains("0-wanderer")), "{rows:?}");
}

#[test]
fn adding_a_snapshot_keeps_existing_rows_that_changed_while_it_was_read() {
    let rows = [put(0, "a", "x"), put(0, "b", "x"), put(0, "c", "x")];
    let delete = Write::Delete { table: 0, id: "b".to_owned() };
    let busy = Busy::new(&rows, vec![vec![], vec![put(0, "a", "changed"), delete]]);
    let (store, clock, taken) = take(&busy);
    let there = [put(0, "a", "newer"), put(0, "b", "newer")];
    let rows = restored(&store, &clock, &taken.unwrap(), &there, None);
    let texts: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["doc"]["text"].clone())
        .collect();
    assert_eq!(texts, ["newer", "newer", "x"]);
}

#[test]
fn takes_the_snapshot_again_if_the_change_log_was_trimmed_meanwhile() {
    for (busy_for, ends_well) in [(3, true), (1000, false)] {
        let rows: Vec<_> = (0..4).map(|id| put(0, &format!("r{id}"), "x")).collect();
        let writes =
            (0..busy_for).map(|_| (0..9).map(|id| put(2, &format!("w{id}"), "x")).collect());
        let shard = shard();
        shard.host().set_var("LUNORA_CDC_LOG_RETENTION", "2");
        let busy = Busy::of(shard, &rows, writes.collect());
        let (store, clock, taken) = take(&busy);
        match taken {
            Ok(manifest) => {
                assert!(ends_well);
                let calls = busy.calls.borrow();
                // It was asked for changes, and has none, so it was started again.
                assert!(calls.iter().any(|call| call.ends_with(":cdcSync")));
                assert_eq!(manifest.changes, 0);
                let expected = &busy.states.borrow()[&part_of(&manifest, "a").seq.unwrap()];
                assert_eq!(restored(&store, &clock, &manifest, &[], None), *expected);
            }
            Err(error) => {
                assert!(!ends_well);
                assert_eq!(error.code(), "CDC_LOG_TRIMMED");
                assert_eq!(store.open_uploads(), 0);
            }
        }
    }
}
