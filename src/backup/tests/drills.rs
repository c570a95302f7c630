//! Drills: snapshots restored into the scratch shard of real shards, and compared.

use sha2::{Digest, Sha256};

use super::*;
use crate::{
    shard::{Mutation, ShardDefinition, Table, table, testing::TestShard},
    wire::ShardKey,
};

const TOKEN: &str = "nobody-guesses-this-token";
const NOTES: Table = table!("notes");

fn put(ctx: &Mutation<'_>, note: Value) -> Result<Value, LunoraError> {
    let id = note["text"].as_str().unwrap_or_default().to_owned();
    ctx.db().insert_with_id(NOTES, &id, serde_json::from_value(note.clone()).unwrap())?;
    Ok(note)
}

fn shard(key: &str) -> TestShard {
    let definition =
        ShardDefinition::new().table(NOTES).mutation("notes:put", put).registry("REGISTRY");
    let shard = TestShard::named(key, definition).admin_token(TOKEN);
    if ShardKey::is_scratch(key) {
        let refuse = MemoryNamespace::new(async |_, _| -> Response {
            unreachable!("the drill is announced")
        });
        shard.set_namespace("REGISTRY", refuse);
    }
    shard
}

fn write(shard: &TestShard, text: &str, seq: u64) {
    let body = json!({ "functionPath": "notes:put", "args": { "text": text } }).to_string();
    let request = Request::post("https://shard.internal/rpc", body)
        .with_header("x-lunora-client-id", "phone")
        .with_header("x-lunora-client-seq", seq.to_string())
        .with_header("x-lunora-mutation-id", text);
    assert_eq!(block_on(shard.shard().fetch(request)).status(), 200);
}

/// Shards `a` to `c` with rows, watermarks and stored answers, and the scratch shard.
struct Deployment {
    shards: Rc<BTreeMap<String, TestShard>>,
    /// Fails calls of these operations on the scratch shard.
    broken: Rc<RefCell<Option<&'static str>>>,
    calls: Rc<RefCell<Vec<(String, String)>>>,
    /// Rows of shard `a` that are deleted before its second page is read.
    deleted_meanwhile: Rc<RefCell<Vec<&'static str>>>,
    store: MemoryObjectStore,
    clock: ManualClock,
}

const SCRATCH: &str = "__lunora_drill__::replica::0";

impl Deployment {
    fn new() -> Self {
        let keys = ["__root__", "a", "b", "c", SCRATCH];
        let shards: BTreeMap<_, _> = keys.map(|key| (key.to_owned(), shard(key))).into();
        for key in ["a", "b", "c"] {
            (1..=12).for_each(|seq| write(&shards[key], &format!("{key}-{seq}"), seq));
        }
        let clock = ManualClock::new(1_780_315_200_000);
        let store = MemoryObjectStore::new().with_clock(&clock);
        let (broken, calls) = (Rc::default(), Rc::default());
        let deleted_meanwhile = Rc::default();
        Self { shards: Rc::new(shards), broken, calls, deleted_meanwhile, store, clock }
    }

    fn backups(&self, most: u32) -> Backups {
        let (shards, broken) = (self.shards.clone(), self.broken.clone());
        let (calls, deleted) = (self.calls.clone(), self.deleted_meanwhile.clone());
        let namespace = MemoryNamespace::new(async move |address, mut request: Request| {
            let key = address.key.as_str().to_owned();
            let body: Value = request.json(64 * 1024 * 1024).await.unwrap();
            let operation = body["functionPath"].as_str().unwrap().to_owned();
            calls.borrow_mut().push((key.clone(), operation.clone()));
            if key == SCRATCH && broken.borrow().is_some_and(|broken| operation.ends_with(broken)) {
                return Response::raw_json("{}").with_status(500);
            }
            let send = async |body: &Value| {
                let request = Request::post("https://shard.internal/rpc", body.to_string())
                    .with_header("authorization", format!("Bearer {TOKEN}"));
                shards[&key].shard().fetch(request).await
            };
            if key == "a" && body["args"]["cursor"].is_string() {
                let ids = std::mem::take(&mut *deleted.borrow_mut());
                let args = json!({ "table": "notes", "ids": ids });
                let path = "__lunora_admin__:deleteRows";
                send(&json!({ "functionPath": path, "args": args })).await;
            }
            send(&body).await
        });
        let registry = StaticShardRegistry::new().table("notes", ["a", "b", "c"]).unwrap();
        let coordinator = QueryCoordinator::new(registry).clock(self.clock.clone());
        let admin = ShardAdmin::new(coordinator, namespace, &AdminToken::new(TOKEN).unwrap());
        let config = BackupConfig::builder()
            .store(self.store.clone())
            .cron(cron!("0 3 * * *"))
            .drill(cron!("0 5 * * SUN"))
            .drill_shards(most)
            .page_rows(5)
            .build();
        Backups::new(config, admin).clock(self.clock.clone())
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        block_on(self.clock.run(work))
    }

    fn take(&self) -> Manifest {
        self.clock.advance(std::time::Duration::from_secs(60));
        let now = i64::try_from(self.clock.now_ms()).unwrap();
        self.run(self.backups(100).take(&BackupTrigger::manual(now))).unwrap()
    }

    fn drill(&self, most: u32) -> DrillReport {
        self.clock.advance(std::time::Duration::from_secs(60));
        self.run(self.backups(most).drill(None)).unwrap()
    }

    /// Everything that a shard holds.
    fn state(&self, key: &str) -> Value {
        let shard = &self.shards[key];
        let mut clients = shard.admin("exportClients", &json!({})).1["result"]["lines"].clone();
        clients.as_array_mut().unwrap().sort_by_key(Value::to_string);
        let rows = shard.admin("exportShard", &json!({})).1["result"]["rows"].clone();
        json!([rows, clients, shard.shard().cursor().unwrap()])
    }

    fn assert_nothing_left(&self) {
        assert_eq!(self.state(SCRATCH), json!([[], [], 0]));
    }

    /// Changes the snapshot, and its manifest so that the two agree.
    fn rewrite(&self, manifest: &Manifest, change: impl Fn(&str) -> String) {
        let object = self.store.object(&manifest.file).unwrap();
        let text = change(std::str::from_utf8(&object.bytes).unwrap());
        let mut manifest = manifest.clone();
        manifest.bytes = text.len() as u64;
        manifest.sha256 = Some(crate::platform::hex(&Sha256::digest(&text)));
        manifest.etag = None;
        let options = crate::platform::PutOptions::new();
        self.run(self.store.put(&manifest.file, text.into(), options)).unwrap();
        let key = format!("{}.manifest.json", manifest.file);
        let text = serde_json::to_string(&manifest).unwrap();
        self.run(self.store.put(&key, text.into(), crate::platform::PutOptions::new())).unwrap();
    }

    fn proof(&self, manifest: &Manifest) -> Value {
        let object = self.store.object(&format!("{}.proof.json", manifest.file)).unwrap();
        serde_json::from_slice(&object.bytes).unwrap()
    }
}

#[test]
fn proves_an_intact_snapshot_and_leaves_nothing_behind() {
    let deployment = Deployment::new();
    let manifest = deployment.take();
    assert_eq!((manifest.rows, manifest.watermarks, manifest.replies), (36, 3, 36));
    let before: Vec<_> = ["a", "b", "c"].map(|key| deployment.state(key)).into();
    deployment.calls.borrow_mut().clear();
    let report = deployment.drill(100);
    assert_eq!(report.problems, []);
    assert_eq!((report.ok, report.shards, report.of_shards, report.rows), (true, 3, 3, 36));
    assert_eq!((report.id, report.next), (manifest.id.clone(), None));
    let proof = deployment.proof(&manifest);
    assert_eq!((&proof["drilledShards"], &proof["drilledRows"]), (&json!(3), &json!(36)));
    assert_eq!(proof["drilledAt"], proof["verifiedAt"]);
    // No live shard is called.
    assert!(deployment.calls.borrow().iter().all(|(key, _)| key == SCRATCH));
    assert_eq!(["a", "b", "c"].map(|key| deployment.state(key)), *before);
    deployment.assert_nothing_left();
    // Neither the next snapshot nor an export has the scratch shard.
    assert!(deployment.take().shards.iter().all(|shard| shard.shard_key != SCRATCH));
    // A later verification keeps what the drill proved.
    let verified = deployment.run(deployment.backups(100).verify(&manifest.id)).unwrap();
    assert!(verified.ok);
    assert_eq!(deployment.proof(&manifest)["drilledAt"], proof["drilledAt"]);
}

#[test]
fn finds_rows_that_import_rejects_although_the_digest_matches() {
    let deployment = Deployment::new();
    let manifest = deployment.take();
    type Change = fn(&str) -> String;
    let changes: [(&str, Change, &str); 4] = [
        ("b", |text| text.replace(r#""_id":"b-7""#, r#""_id":7"#), "_id must be a string"),
        ("b", |text| text.replace(r#""_id":"b-7""#, r#""_id":"b-8""#), "`_id` of another"),
        (
            "c",
            |text| text.replacen(r#""client":"phone","seq":12"#, r#""client":"phone","seq":-1"#, 3),
            "",
        ),
        (
            "a",
            |text| {
                text.replace(
                    r#""table":"notes","doc":{"_id":"a-3""#,
                    r#""table":"nothes","doc":{"_id":"a-3""#,
                )
            },
            "nothes",
        ),
    ];
    let object = deployment.store.object(&manifest.file).unwrap();
    let original = std::str::from_utf8(&object.bytes).unwrap();
    for (shard, change, message) in changes {
        deployment.rewrite(&manifest, |_| change(original));
        let report = deployment.drill(100);
        assert!(!report.ok, "{shard}");
        let found: Vec<_> = report.problems.iter().map(|it| it.shard_key.as_deref()).collect();
        assert!(found.contains(&Some(shard)), "{shard}: {:?}", report.problems);
        let said = report.problems.iter().any(|problem| problem.message.contains(message));
        assert!(said, "{message}: {:?}", report.problems);
        deployment.assert_nothing_left();
    }
}

#[test]
fn finds_a_snapshot_whose_bytes_were_replaced() {
    let deployment = Deployment::new();
    let manifest = deployment.take();
    let object = deployment.store.object(&manifest.file).unwrap();
    let text = String::from_utf8(object.bytes.to_vec()).unwrap().replace("\"b-7\"", "\"b-x\"");
    deployment.rewrite(&manifest, str::to_owned);
    let put = deployment.store.put(&manifest.file, text.into(), crate::platform::PutOptions::new());
    deployment.run(put).unwrap();
    let report = deployment.drill(100);
    assert!(report.problems.iter().any(|problem| problem.message.contains("SHA-256")));
    assert!(!deployment.store.keys().contains(&format!("{}.proof.json", manifest.file)));
}

#[test]
fn a_shard_that_fails_fails_the_drill_and_the_next_one_begins_with_it() {
    let _logs = crate::testing::capture_logs();
    let deployment = Deployment::new();
    let manifest = deployment.take();
    assert!(deployment.drill(100).ok);
    for operation in
        ["importShard", "exportShard", "importClients", "exportClients", "emptyScratch"]
    {
        *deployment.broken.borrow_mut() = Some(operation);
        let report = deployment.drill(100);
        assert_eq!(report.problems[0].shard_key.as_deref(), Some("a"), "{operation}");
        assert_eq!(report.next.as_deref(), Some("a"));
        assert_eq!(deployment.proof(&manifest).get("drilledAt"), None, "{operation}");
        *deployment.broken.borrow_mut() = None;
        assert!(deployment.drill(100).ok, "{operation}");
        deployment.assert_nothing_left();
    }
}

#[test]
fn many_shards_are_proven_in_turn_over_several_drills() {
    let deployment = Deployment::new();
    deployment.take();
    let next: Vec<_> = (0..4).map(|_| deployment.drill(2).next).collect();
    let next: Vec<_> = next.iter().map(|next| next.as_deref().unwrap()).collect();
    assert_eq!(next, ["c", "b", "a", "c"]);
    let report = deployment.drill(2);
    assert_eq!((report.shards, report.of_shards, report.rows), (2, 3, 24));
    // The shard that failed is proven before any other.
    let manifest = deployment.take();
    deployment.rewrite(&manifest, |text| text.replace(r#""_id":"c-7""#, r#""_id":"c-8""#));
    while deployment.drill(1).ok {}
    assert!(!deployment.drill(1).ok);
    deployment.take();
    let report = deployment.drill(1);
    assert_eq!((report.ok, report.next.as_deref()), (true, Some("a")));
}

#[test]
fn a_drill_that_was_killed_is_cleaned_up_by_the_next_one() {
    for steps in [3, 6, 9, 12, 15, 20] {
        let deployment = Deployment::new();
        let manifest = deployment.take();
        let backups = deployment.backups(100);
        let mut steps_left = steps;
        let mut drill = Box::pin(backups.drill(None));
        // Each answer of a shard or the store lets it proceed.
        deployment.run(async {
            let kill = futures::future::poll_fn(|cx| {
                steps_left -= 1;
                if steps_left == 0 {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            });
            let _ = futures::future::select(&mut drill, kill).await;
        });
        drop(drill);
        write_row_left(&deployment);
        deployment.clock.advance(std::time::Duration::from_secs(5 * 60));
        let report = deployment.drill(100);
        assert_eq!((report.problems, report.id), (vec![], manifest.id), "{steps}");
        deployment.assert_nothing_left();
    }
}

/// A row that a killed drill leaves in the scratch shard.
fn write_row_left(deployment: &Deployment) {
    let rows = json!({ "rows": [{ "table": "notes", "doc": { "_id": "left" } }] });
    assert_eq!(deployment.shards[SCRATCH].admin("importShard", &rows).0, 200);
}

#[test]
fn only_the_scratch_shard_can_be_emptied_at_once() {
    let deployment = Deployment::new();
    let before = deployment.state("a");
    let refused = deployment.shards["a"].admin("emptyScratch", &json!({}));
    assert_eq!((refused.0, &refused.1["error"]["code"]), (403, &json!("FORBIDDEN")));
    assert_eq!(deployment.state("a"), before);
}

#[test]
fn rejects_a_drill_while_a_restore_or_another_drill_is_open() {
    let deployment = Deployment::new();
    let manifest = deployment.take();
    let mut request = RestoreRequest::new(&manifest.id).without_safety_snapshot();
    request.hold = true;
    let restored = deployment.run(deployment.backups(100).restore(&request)).unwrap();
    let refused = deployment.run(deployment.backups(100).drill(None)).unwrap_err();
    assert_eq!(refused.code(), "RESTORE_IN_PROGRESS");
    deployment.run(deployment.backups(100).finish_restore(restored.lease)).unwrap();

    let claim = deployment.run(deployment.backups(100).claim_drill()).unwrap();
    let refused = deployment.run(deployment.backups(100).drill(None)).unwrap_err();
    assert_eq!(refused.code(), "BACKUP_IN_PROGRESS");
    deployment.run(deployment.backups(100).release_claim(claim));
    assert!(deployment.drill(100).ok);
}

#[test]
fn shards_of_another_implementation_are_drilled_too() {
    let world = World::new(&[3]);
    let made = world.take(0).unwrap();
    // A shard of another implementation is emptied table by table.
    let report = world.run(world.backups().drill(Some(&made.id))).unwrap();
    assert_eq!((report.problems, report.rows, report.shards), (vec![], 6, 2));
    assert!(world.rows.borrow()[SCRATCH].is_empty());
}

const HOUR: u64 = 60 * 60;

fn status(deployment: &Deployment) -> BackupStatus {
    deployment.run(deployment.backups(100).status()).unwrap()
}

fn drill_error(deployment: &Deployment) -> Option<(String, String)> {
    let found = BackupStatus { overdue: false, ..status(deployment) };
    let error = found.into_result().err()?;
    Some((error.code().to_owned(), error.message().to_owned()))
}

#[test]
fn a_failed_drill_is_reported_until_a_later_one_succeeds() {
    let deployment = Deployment::new();
    let manifest = deployment.take();
    assert_eq!(status(&deployment).drill.unwrap().last, None);
    let object = deployment.store.object(&manifest.file).unwrap();
    let original = String::from_utf8(object.bytes.to_vec()).unwrap();
    deployment.rewrite(&manifest, |text| text.replace(r#""_id":"b-7""#, r#""_id":7"#));
    let failed = deployment.run(deployment.backups(100).run_scheduled_drill()).unwrap_err();
    assert_eq!((failed.code(), failed.status().as_u16()), ("BACKUP_DRILL_FAILED", 503));
    let (code, message) = drill_error(&deployment).unwrap();
    assert_eq!(code, "BACKUP_DRILL_FAILED");
    assert!(message.contains("shard `b`: 1 rows were refused"), "{message}");
    // A verification does not clear the failure: the bytes are those of the manifest.
    assert!(deployment.run(deployment.backups(100).verify(&manifest.id)).unwrap().ok);
    assert!(drill_error(&deployment).is_some());
    deployment.rewrite(&manifest, |_| original.clone());
    deployment.run(deployment.backups(100).run_scheduled_drill()).unwrap();
    assert_eq!(drill_error(&deployment), None);
    let last = status(&deployment).drill.unwrap().last.unwrap();
    assert_eq!((last.ok, last.snapshot, last.shards, last.rows), (true, manifest.id, 3, 36));
}

#[test]
fn a_drill_is_overdue_an_hour_after_its_due_time() {
    let deployment = Deployment::new();
    // 2026-06-01 is a Monday; the drill is due on Sunday the 7th at five.
    let found = status(&deployment).drill.unwrap();
    assert_eq!((found.overdue, found.next.as_deref()), (false, Some("2026-06-07T05:00:00.000Z")));
    let wait = |hours| deployment.clock.advance(std::time::Duration::from_secs(hours * HOUR));
    wait(5 * 24 + 17);
    assert!(!status(&deployment).drill.unwrap().overdue, "05:00: within the grace");
    wait(1);
    assert!(status(&deployment).drill.unwrap().overdue, "06:00");
    let (code, message) = drill_error(&deployment).unwrap();
    assert_eq!(code, "BACKUP_OVERDUE");
    assert!(message.contains("`0 5 * * SUN` was due at 2026-06-07T05:00:00.000Z"), "{message}");
    deployment.take();
    assert!(status(&deployment).drill.unwrap().overdue, "a snapshot is not a drill");
    assert!(deployment.drill(100).ok);
    assert_eq!(drill_error(&deployment), None);
    wait(7 * 24);
    assert!(status(&deployment).drill.unwrap().overdue);
}

#[test]
fn the_status_names_the_drill_of_the_last_snapshot() {
    let deployment = Deployment::new();
    let now = i64::try_from(deployment.clock.now_ms()).unwrap();
    let trigger = BackupTrigger::scheduled("0 3 * * *", now);
    deployment.run(deployment.backups(100).take(&trigger)).unwrap();
    assert_eq!(status(&deployment).drilled_at, None);
    deployment.drill(100);
    assert_eq!(status(&deployment).drilled_at.as_deref(), Some("2026-06-01T12:01:00.000Z"));
}

#[test]
fn rows_that_changed_while_they_were_read_are_drilled_as_they_are_restored() {
    let deployment = Deployment::new();
    *deployment.deleted_meanwhile.borrow_mut() = vec!["a-1"];
    let manifest = deployment.take();
    assert_eq!((manifest.rows, manifest.changes), (36, 1));
    let report = deployment.drill(100);
    assert_eq!((report.problems, report.rows), (vec![], 35));
}
