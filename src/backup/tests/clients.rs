//! Watermarks of clients and stored answers of mutations, in snapshots and restored from them.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::{
    platform::ShardHost,
    shard::{Mutation, ShardDefinition, Table, table, testing::TestShard},
};

const TOKEN: &str = "nobody-guesses-this-token";
const NOTES: Table = table!("notes");

fn put(ctx: &Mutation<'_>, note: Value) -> Result<Value, LunoraError> {
    // Two shards of one test draw the same ids.
    let id = format!("{}-{}", note["text"], ctx.db().table(NOTES).collect()?.len());
    ctx.db().insert_with_id(NOTES, &id, serde_json::from_value(note.clone()).unwrap())?;
    Ok(note)
}

fn shard() -> TestShard {
    let definition = ShardDefinition::new().table(NOTES).mutation("notes:put", put);
    TestShard::named("a", definition).admin_token(TOKEN)
}

/// A numbered write of a client, with an id of its own.
fn write(shard: &TestShard, client: &str, seq: u64) -> (u16, Value) {
    block_on(write_async(shard, client, seq))
}

async fn write_async(shard: &TestShard, client: &str, seq: u64) -> (u16, Value) {
    let text = format!("{client}-{seq}");
    let body = json!({ "functionPath": "notes:put", "args": { "text": text } }).to_string();
    let request = Request::post("https://shard.internal/rpc", body)
        .with_header("x-lunora-client-id", client)
        .with_header("x-lunora-client-seq", seq.to_string())
        .with_header("x-lunora-mutation-id", &text);
    let answer = shard.shard().fetch(request).await;
    let status = answer.status();
    let bytes = answer.into_parts().1.into_bytes(usize::MAX).await.unwrap();
    (status.as_u16(), serde_json::from_slice(&bytes).unwrap())
}

/// The contents of the shard: rows, and the last write of each client.
fn state(shard: &TestShard) -> (Vec<Value>, Value) {
    let rows = shard.admin("exportShard", &json!({})).1["result"]["rows"].clone();
    let mut lines = shard.admin("exportClients", &json!({})).1["result"]["lines"].clone();
    lines.as_array_mut().unwrap().sort_by_key(Value::to_string);
    (rows.as_array().unwrap().clone(), lines)
}

/// Numbered writes: the client, and the number.
type Writes = Vec<(String, u64)>;

/// A deployment of one shard.
struct World {
    shard: TestShard,
    store: MemoryObjectStore,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(1_700_000_000_000);
        Self { shard: shard(), store: MemoryObjectStore::new().with_clock(&clock), clock }
    }

    /// The backups of a shard that is written to before each call.
    fn backups(&self, writes: Vec<Writes>) -> Backups {
        let (shard, root) = (self.shard.clone(), shard());
        let writes = RefCell::new(VecDeque::from(writes));
        let namespace = MemoryNamespace::new(async move |address, mut request: Request| {
            let shard = if address.key.as_str() == "a" { shard.clone() } else { root.clone() };
            let mut body: Value = request.json(64 * 1024 * 1024).await.unwrap();
            if address.key.as_str() == "a" {
                let due = writes.borrow_mut().pop_front().unwrap_or_default();
                for (client, seq) in due {
                    assert_eq!(write_async(&shard, &client, seq).await.0, 200);
                }
            }
            if body["functionPath"].as_str().unwrap().ends_with(":exportClients") {
                body["args"]["limit"] = json!(3);
            }
            let request = Request::post("https://shard.internal/rpc", body.to_string())
                .with_header("authorization", format!("Bearer {TOKEN}"));
            shard.shard().fetch(request).await
        });
        let registry = StaticShardRegistry::new().table("notes", ["a"]).unwrap();
        let coordinator = QueryCoordinator::new(registry).clock(self.clock.clone());
        let admin = ShardAdmin::new(coordinator, namespace, &AdminToken::new(TOKEN).unwrap());
        let config =
            BackupConfig::builder().store(self.store.clone()).cron(cron!("0 3 * * *")).build();
        Backups::new(config, admin).clock(self.clock.clone())
    }

    fn take(&self, writes: Vec<Writes>) -> Manifest {
        let trigger = BackupTrigger::manual(0);
        block_on(self.clock.run(self.backups(writes).take(&trigger))).unwrap()
    }

    fn restore(&self, request: &RestoreRequest) -> RestoreReport {
        block_on(self.clock.run(self.backups(Vec::new()).restore(request))).unwrap()
    }

    /// The same store over a shard that was rebuilt.
    fn rebuilt(&self) -> Self {
        Self { shard: shard(), store: self.store.clone(), clock: self.clock.clone() }
    }
}

fn outcome(answer: &(u16, Value)) -> (u16, Option<u64>) {
    (answer.0, answer.1["lastMutationId"].as_u64())
}

#[test]
fn restores_watermarks_and_allows_each_client_one_gap() {
    let world = World::new();
    (1..=7).for_each(|seq| assert_eq!(write(&world.shard, "ahead", seq).0, 200));
    assert_eq!(write(&world.shard, "exact", 1).0, 200);
    let manifest = world.take(Vec::new());
    assert_eq!((manifest.watermarks, manifest.replies), (2, 8));
    assert_eq!(manifest.shards.iter().map(|shard| shard.watermarks).sum::<u64>(), 2);
    // Acknowledged after the snapshot, and lost with the shard.
    (8..=10).for_each(|seq| assert_eq!(write(&world.shard, "ahead", seq).0, 200));

    let rebuilt = world.rebuilt();
    let report = rebuilt.restore(&RestoreRequest::new(&manifest.id).without_safety_snapshot());
    assert_eq!((report.import.errors.len(), report.clients), (0, 10));
    assert_eq!(
        write(&rebuilt.shard, "exact", 1),
        (200, json!({ "lastMutationId": 1, "result": null }))
    );
    assert_eq!(outcome(&write(&rebuilt.shard, "exact", 2)), (200, Some(2)));
    assert_eq!(outcome(&write(&rebuilt.shard, "ahead", 7)), (200, Some(7)));
    assert_eq!(outcome(&write(&rebuilt.shard, "ahead", 11)), (200, Some(11)));
    // Only one gap: then the strict rule holds again.
    assert_eq!(write(&rebuilt.shard, "ahead", 13).0, 409);
    assert_eq!(outcome(&write(&rebuilt.shard, "ahead", 12)), (200, Some(12)));
    // A client that the snapshot does not contain.
    assert_eq!(outcome(&write(&rebuilt.shard, "unheard", 5)), (200, Some(5)));
    assert_eq!(write(&rebuilt.shard, "unheard", 7).0, 409);
}

#[test]
fn restores_stored_answers_of_mutations() {
    let world = World::new();
    let send = |shard: &TestShard, text: &str| {
        let shard = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
        shard.answer("notes:put", &json!({ "text": text }))
    };
    let first = send(&world.shard, "one");
    assert_eq!(first.0, 200);
    let manifest = world.take(Vec::new());
    let rebuilt = world.rebuilt();
    rebuilt.restore(&RestoreRequest::new(&manifest.id).without_safety_snapshot());
    assert_eq!(send(&rebuilt.shard, "two"), first);
    assert_eq!(state(&rebuilt.shard), state(&world.shard));
}

#[test]
fn a_replacing_restore_drops_the_answers_of_writes_that_it_undoes() {
    let world = World::new();
    assert_eq!(write(&world.shard, "c", 1).0, 200);
    let manifest = world.take(Vec::new());
    let before = state(&world.shard);
    let later = |text: &str| {
        let shard = world.shard.user("ada").with_header("x-lunora-mutation-id", "later");
        shard.answer("notes:put", &json!({ "text": text }))
    };
    let first = later("one");
    assert_eq!(write(&world.shard, "c", 2).0, 200);
    world.restore(&RestoreRequest::new(&manifest.id).replace());
    assert_eq!(state(&world.shard), before);
    // It runs, since its row is gone, and the stored answer is not returned.
    assert_ne!(later("two"), first);
    assert_eq!(outcome(&write(&world.shard, "c", 2)), (200, Some(2)));
    assert_eq!(state(&world.shard).0.len(), 3);
}

#[test]
fn a_restore_of_a_snapshot_without_watermarks_leaves_no_client_stuck() {
    let world = World::new();
    assert_eq!(write(&world.shard, "c", 1).0, 200);
    let mut manifest = world.take(Vec::new());
    // As an earlier version wrote it.
    let rows = world.store.object(&manifest.file).unwrap().bytes;
    let rows: String = std::str::from_utf8(&rows)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("{\"$"))
        .map(|line| format!("{line}\n"))
        .collect();
    (manifest.watermarks, manifest.replies) = (0, 0);
    for shard in &mut manifest.shards {
        (shard.watermarks, shard.replies) = (0, 0);
    }
    manifest.bytes = rows.len() as u64;
    manifest.sha256 =
        Some(crate::platform::hex(&<sha2::Sha256 as sha2::Digest>::digest(rows.as_bytes())));
    let put = |key: &str, bytes: String| {
        block_on(world.store.put(key, bytes.into(), crate::platform::PutOptions::new())).unwrap()
    };
    manifest.etag = Some(put(&manifest.file, rows).etag);
    put(&format!("{}.manifest.json", manifest.file), serde_json::to_string(&manifest).unwrap());

    let rebuilt = world.rebuilt();
    rebuilt.restore(&RestoreRequest::new(&manifest.id).replace().without_safety_snapshot());
    assert_eq!(outcome(&write(&rebuilt.shard, "c", 9)), (200, Some(9)));
    assert_eq!(write(&rebuilt.shard, "c", 11).0, 409);
}

#[test]
fn a_snapshot_names_the_tables_that_it_leaves_out() {
    let logs = crate::testing::capture_logs();
    let world = World::new();
    let take = |time: i64| {
        let backups = world.backups(Vec::new());
        block_on(world.clock.run(backups.take(&BackupTrigger::manual(time)))).unwrap()
    };
    assert!(take(0).left_out.is_empty());
    assert!(logs.lines().is_empty());
    world.shard.host().exec("CREATE TABLE stats(x)", &[]).unwrap();
    let manifest = take(1);
    let warning =
        "backups leave out tables of shards made by SQL or not declared any more: `stats`";
    assert_eq!(manifest.left_out.to_warning().as_deref(), Some(warning));
    assert!(logs.lines().iter().any(|line| line.contains(warning)));
    let listed = block_on(world.clock.run(world.backups(Vec::new()).list())).unwrap();
    assert_eq!(listed[0].left_out, manifest.left_out);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_snapshot_has_exactly_the_watermarks_of_its_rows(
        clients in 1..8_u64,
        before in 0..30_u64,
        per_call in 0..3_u64,
        busy_calls in 0..12_u64,
        max_rows in prop::option::of(1..9_u64),
    ) {
        let world = World::new();
        let nth = |at: u64| (format!("c{}", at % clients), at / clients + 1);
        for at in 0..before {
            let (client, seq) = nth(at);
            prop_assert_eq!(write(&world.shard, &client, seq).0, 200);
        }
        let writes = (0..busy_calls)
            .map(|call| (0..per_call).map(|n| nth(before + call * per_call + n)).collect())
            .collect();
        let manifest = world.take(writes);
        prop_assert!(manifest.consistent);
        let verified = block_on(world.clock.run(world.backups(Vec::new()).verify(&manifest.id)));
        prop_assert_eq!(verified.unwrap().problems, Vec::<String>::new());

        let rebuilt = world.rebuilt();
        let mut request = RestoreRequest::new(&manifest.id).without_safety_snapshot();
        request.max_rows = max_rows;
        loop {
            request.from = rebuilt.restore(&request).next;
            if request.from.is_none() {
                break;
            }
        }
        let (rows, lines) = state(&rebuilt.shard);
        let texts: BTreeSet<String> =
            rows.iter().map(|row| row["doc"]["text"].as_str().unwrap().to_owned()).collect();
        let mut watermarks = 0;
        let mut answered = BTreeSet::new();
        for line in lines.as_array().unwrap() {
            if let Some(reply) = line["$reply"]["id"].as_str() {
                answered.insert(reply.to_owned());
            }
            if let Some(client) = line["$watermark"]["client"].as_str() {
                let seq = line["$watermark"]["seq"].as_u64().unwrap();
                watermarks += seq;
                let last = format!("{client}-{seq}");
                prop_assert!(texts.contains(&last));
            }
        }
        prop_assert_eq!(&answered, &texts);
        prop_assert_eq!(watermarks, texts.len() as u64);
    }
}
