//! The trace of every call that the library itself makes of a shard: of cron jobs, of triggers, of
//! the scheduler and of operators. `tracing.rs` has the calls of clients.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures::executor::block_on;
use lunora::{
    AdminToken, Lunora, LunoraError, Request, Response,
    backup::BackupConfig,
    builder::VouchedShards,
    coordinator::{QueryCoordinator, ShardAdmin, StaticShardRegistry},
    cron,
    events::{Email, QueueBatch, QueueMessage},
    function,
    operate::Health,
    platform::ShardCallError,
    route,
    schedule::{CronJob, ScheduledEvent},
    shard::{Mutation, NoArgs, ShardDefinition, Table, table, testing::TestShard},
    testing::{
        self, ManualClock, MemoryContext, MemoryEmail, MemoryEnvironment, MemoryNamespace,
        MemoryObjectStore, RecordedCall, capture_logs,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const TOKEN: &str = "correct-horse-battery-staple";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const NOTES: Table<Note> = table!("notes");
const SNAPSHOT: &str = "0 3 * * *";
const DRILL: &str = "0 4 * * *";
const SWEEP: &str = "0 5 * * *";
const HANDLER: &str = "0 6 * * *";
const BROKEN: &str = "0 7 * * *";

#[derive(Deserialize, Serialize)]
struct Note {
    text: String,
}

fn touch(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    ctx.db().insert(NOTES, Note { text: "touched".to_owned() }).map(drop)
}

fn fail(_ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    Err(LunoraError::internal("the disk is full"))
}

fn object(key: &str) -> TestShard {
    let functions = ShardDefinition::new()
        .table(NOTES)
        .mutation("notes:touch", touch)
        .mutation("notes:fail", fail);
    TestShard::named(key, functions).admin_token(TOKEN)
}

/// An application over shards that run real functions and real operations.
struct Deployment {
    app: Lunora<MemoryEnvironment>,
    shards: MemoryNamespace,
    clock: ManualClock,
    ctx: MemoryContext,
}

impl Deployment {
    fn new() -> Self {
        let objects: Rc<RefCell<BTreeMap<String, TestShard>>> = Rc::default();
        let shards = MemoryNamespace::new(async move |address, request: Request| {
            let key = address.key.as_str().to_owned();
            let object =
                objects.borrow_mut().entry(key).or_insert_with_key(|key| object(key)).clone();
            object.shard().fetch(request).await
        });
        let clock = ManualClock::new(1_700_000_000_000);
        let coordinator = || {
            let registry = StaticShardRegistry::new().table("notes", ["a", "b"]).unwrap();
            QueryCoordinator::new(registry).clock(clock.clone())
        };
        let token = AdminToken::new(TOKEN).unwrap();
        let own = ShardAdmin::new(coordinator(), shards.clone(), &token);
        let app = testing::builder()
            .shard_do(VouchedShards::new(shards.clone()))
            .clock(clock.clone())
            .admin_token(token)
            .query_coordinator(coordinator())
            .backup(
                BackupConfig::builder()
                    .store(MemoryObjectStore::new().with_clock(&clock))
                    .cron(cron!("0 3 * * *"))
                    .drill(cron!("0 4 * * *"))
                    .build(),
            )
            .health(Health::new())
            .cron_job(CronJob::function("sweep", cron!("0 5 * * *"), "notes:touch"))
            .cron_job(CronJob::function("broken", cron!("0 7 * * *"), "notes:fail"))
            .cron(cron!("0 6 * * *"), async |_event, _env, ctx| {
                ctx.run_mutation::<()>(function!("notes:touch"), &json!({})).await
            })
            .queue("mail", async |_batch, _env, ctx| {
                ctx.run_mutation::<()>(function!("notes:touch"), &json!({})).await
            })
            .email(async |_email, _env, ctx| {
                ctx.run_mutation::<()>(function!("notes:touch"), &json!({})).await
            })
            .route(route!("GET /traffic"), async move |_request, _env, ctx| {
                let (later, admin) = (own.clone(), own.clone());
                ctx.wait_until(async move { drop(later.shard_traffic("notes").await) });
                admin.shard_traffic("notes").await?;
                Ok::<_, LunoraError>(Response::text("counted"))
            })
            .build();
        Self { app, shards, clock, ctx: MemoryContext::new() }
    }

    /// Answers a request, reads the whole answer, and lets every task end.
    fn send(&self, request: Request) -> (u16, String) {
        let env = MemoryEnvironment::new();
        block_on(self.clock.run(async {
            let (head, body) = self.app.fetch(request, &env, &self.ctx).await.into_parts();
            let body = body.into_bytes(usize::MAX).await.unwrap();
            self.ctx.finish().await;
            (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
        }))
    }

    fn trigger(&self, cron: &str) -> bool {
        let event = ScheduledEvent::new(cron, 1_700_000_000_000);
        let env = MemoryEnvironment::new();
        block_on(self.clock.run(self.app.scheduled(event, &env, &self.ctx))).is_ok()
    }

    /// Returns the calls since `before`, each with its trace and its span.
    fn calls_since(&self, before: usize) -> Vec<(String, String)> {
        self.shards.calls()[before..].iter().map(trace_of).collect()
    }

    /// Returns the only trace of what `cause` makes the Worker call. All calls name one span.
    fn trace_caused_by(&self, way: &str, cause: impl FnOnce(&Self)) -> (String, String) {
        let before = self.shards.calls().len();
        cause(self);
        let calls = self.calls_since(before);
        assert!(!calls.is_empty(), "{way} calls no shard");
        assert!(calls.iter().all(|call| call == &calls[0]), "{way}: {calls:?}");
        calls[0].clone()
    }
}

/// Returns the ids of the trace and of the span that a call names.
fn trace_of(call: &RecordedCall) -> (String, String) {
    let values: Vec<&str> =
        call.headers.get_all("traceparent").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(values.len(), 1, "{values:?}");
    let parts: Vec<&str> = values[0].split('-').collect();
    assert_eq!((parts.len(), parts[1].len(), parts[2].len()), (4, 32, 16), "{values:?}");
    (parts[1].to_owned(), parts[2].to_owned())
}

fn operator(method: &str, path: &str, body: &str) -> Request {
    let url = format!("https://app.test{path}");
    let request = match method {
        "GET" => Request::get(url),
        _ => Request::post(url, body.to_owned()),
    };
    request
        .with_header("authorization", format!("Bearer {TOKEN}"))
        .with_header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
}

/// Every way from a request of an operator, of the scheduler or of a probe to a shard. The order
/// matters: a snapshot is taken before it is restored.
const WAYS: &[(&str, &str, &str)] = &[
    ("POST", "/_lunora/scheduler/dispatch", r#"{"functionPath":"notes:touch","shardKey":"a"}"#),
    ("POST", "/_lunora/scheduled", r#"{"cron":"0 5 * * *"}"#),
    ("POST", "/_lunora/scheduled", r#"{"cron":"0 6 * * *"}"#),
    ("POST", "/_lunora/admin/cron-jobs/run", r#"{"name":"sweep"}"#),
    ("POST", "/_lunora/queue", r#"{"queue":"mail","messages":[{"id":"1","body":{}}]}"#),
    ("GET", "/_lunora/health", ""),
    ("POST", "/_lunora/migrate", MIGRATE),
    ("POST", "/_lunora/admin/rank", RANK),
    ("POST", "/_lunora/admin/rankpage", r#"{"table":"notes","index":"by"}"#),
    ("POST", "/_lunora/admin/shard-traffic", r#"{"table":"notes"}"#),
    ("POST", "/_lunora/admin/pitr", PITR),
    ("POST", "/_lunora/admin/export", "{}"),
    ("POST", "/_lunora/admin/import?shardKey=a", r#"{"table":"notes","doc":{"_id":"n"}}"#),
    ("POST", "/_lunora/admin/sync", r#"{"shards":[]}"#),
    ("POST", "/_lunora/admin/apply", APPLY),
    ("POST", "/_lunora/admin/connector/sync", "{}"),
    ("POST", "/_lunora/admin/registry/rebuild", r#"{"keys":["a"]}"#),
    ("POST", "/_lunora/admin/backup/create", ""),
    ("POST", "/_lunora/admin/backup/drill", ""),
    ("POST", "/_lunora/admin/backup/restore", r#"{"id":"2023-11-14T22:13:20.000Z"}"#),
    ("POST", "/_lunora/rpc", r#"{"functionPath":"__lunora_admin__:listTables","args":{}}"#),
    ("GET", "/traffic", ""),
];
const MIGRATE: &str =
    r#"{"table":"notes","functionPath":"__lunora_admin__:migrationStatus","args":{"id":"m"}}"#;
const RANK: &str =
    r#"{"table":"notes","index":"by","partitionKey":"","rowId":"n","sortValues":[1]}"#;
const PITR: &str = r#"{"functionPath":"__lunora_admin__:getPitrBookmark"}"#;
const APPLY: &str = r#"{"batches":[{"shardKey":"a","changes":[]}]}"#;

#[test]
fn carries_the_trace_of_a_request_to_a_shard_on_every_way() {
    let deployment = Deployment::new();
    let _logs = capture_logs();
    for (method, path, body) in WAYS {
        let way = format!("{path} {body}");
        let (trace, span) = deployment.trace_caused_by(&way, |deployment| {
            deployment.send(operator(method, path, body));
        });
        assert_eq!(trace, TRACE, "{way}");
        assert_ne!(span, SPAN, "{way}");
    }
}

#[test]
fn starts_one_trace_for_each_run_without_a_request() {
    let deployment = Deployment::new();
    let _logs = capture_logs();
    let mut traces = Vec::new();
    // A drill restores the rows of a snapshot.
    for cron in [SWEEP, HANDLER, SNAPSHOT, DRILL] {
        traces.push(deployment.trace_caused_by(cron, |it| assert!(it.trigger(cron), "{cron}")));
    }
    let env = MemoryEnvironment::new();
    traces.push(deployment.trace_caused_by("queue", |it| {
        let batch = QueueBatch::new("mail", [QueueMessage::new("1", json!({}))]);
        block_on(it.app.queue(&batch, &env, &it.ctx));
    }));
    traces.push(deployment.trace_caused_by("email", |it| {
        let email = Email::new("a@app.test", "b@app.test", MemoryEmail::new());
        block_on(it.app.email(email, &env, &it.ctx)).unwrap();
    }));
    let mut ids: Vec<_> = traces.into_iter().map(|(trace, _)| trace).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "{ids:?}");
}

#[test]
fn logs_the_trace_of_a_cron_run_in_the_worker_and_in_the_shard() {
    let deployment = Deployment::new();
    let logs = capture_logs();
    // The Worker reports a snapshot, and the shard the fault of its function.
    for (cron, said) in [(SNAPSHOT, "info: backup "), (BROKEN, "the disk is full")] {
        let (trace, _) = deployment.trace_caused_by(cron, |it| _ = it.trigger(cron));
        let lines = logs.lines();
        let end = format!(" [trace {trace}]");
        let is_traced = |line: &String| line.contains(said) && line.ends_with(&end);
        assert!(lines.iter().any(is_traced), "{cron}: {lines:?}");
    }
    assert!(logs.lines().iter().all(|line| line.contains(" [trace ")), "{:?}", logs.lines());
}

#[test]
fn logs_the_trace_of_an_export_that_fails_while_it_is_sent() {
    let deployment = Deployment::new();
    deployment.shards.shard("b").fails(|key| ShardCallError::unavailable(key, "moving"));
    let logs = capture_logs();
    let env = MemoryEnvironment::new();
    block_on(deployment.clock.run(async {
        let request = operator("POST", "/_lunora/admin/export", "{}");
        let answer = deployment.app.fetch(request, &env, &deployment.ctx).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.into_parts().1.into_bytes(usize::MAX).await.is_err());
    }));
    let lines = logs.lines();
    let end = format!(" [trace {TRACE}]");
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line.ends_with(&end)), "{lines:?}");
}
