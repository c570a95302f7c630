//! Batches of queues, e-mails, and jobs on several shards.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::executor::block_on;
use lunora::{
    AdminToken, Lunora, LunoraError, Request, Response,
    compose::{FrameworkWorker, with_framework_worker},
    coordinator::{QueryCoordinator, StaticShardRegistry},
    cron,
    events::{Email, QueueBatch, QueueDecision, QueueMessage},
    function,
    platform::NoopExecutionContext,
    routing::RouteContext,
    schedule::{CronJob, ScheduledEvent},
    testing::{
        self, ManualClock, MemoryContext, MemoryEmail, MemoryEnvironment, MemoryNamespace,
        capture_logs,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

const ACK: QueueDecision = QueueDecision::Ack;
const RETRY: QueueDecision = QueueDecision::Retry { delay: None };
const TOKEN: &str = "correct-horse-battery-staple";

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |_address, _request| Response::raw_json(r#"{"result":null}"#))
}

#[derive(Deserialize)]
struct Task {
    to: String,
}

/// An application whose queue decides by the body of each message.
fn app() -> Lunora<MemoryEnvironment> {
    testing::builder()
        .shard_do(shards())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .queue("jobs", async |batch, _env, _ctx| {
            for message in batch.messages() {
                match message.body().as_str() {
                    Some("done") => message.ack(),
                    Some("again") => message.retry(),
                    Some("later") => message.retry_after(Duration::from_secs(60)),
                    Some("fails") => return Err(LunoraError::internal("secret words")),
                    _ => {}
                }
            }
            Ok(())
        })
        .build()
}

fn deliver(app: &Lunora<MemoryEnvironment>, queue: &str, bodies: &[&str]) -> Vec<QueueDecision> {
    let message = |(at, body): (usize, &&str)| QueueMessage::new(at.to_string(), json!(body));
    let batch = QueueBatch::new(queue, bodies.iter().enumerate().map(message));
    block_on(app.queue(&batch, &MemoryEnvironment::new(), &NoopExecutionContext))
}

#[test]
fn a_handler_decides_on_each_message() {
    let later = QueueDecision::Retry { delay: Some(Duration::from_secs(60)) };
    let decided = deliver(&app(), "jobs", &["done", "again", "later", "undecided"]);
    assert_eq!(decided, [ACK, RETRY, later, ACK]);
}

#[test]
fn a_failing_handler_retries_what_it_did_not_acknowledge() {
    let logs = capture_logs();
    assert_eq!(
        deliver(&app(), "jobs", &["done", "undecided", "fails", "x"]),
        [ACK, RETRY, RETRY, RETRY]
    );
    let lines = logs.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("the handler of the queue `jobs` failed"), "{lines:?}");
}

#[test]
fn a_batch_without_a_handler_is_retried_and_says_so() {
    let logs = capture_logs();
    assert_eq!(deliver(&app(), "mail", &["done", "x"]), [RETRY, RETRY]);
    assert!(logs.lines()[0].contains("call `.queue(\"mail\", ..)` on the builder"));
}

#[test]
fn the_later_handler_of_a_queue_replaces_the_earlier() {
    let app = testing::builder()
        .shard_do(shards())
        .queue("jobs", async |_batch, _env, _ctx| Err::<(), _>(LunoraError::internal("earlier")))
        .queue("jobs", async |_batch, _env, _ctx| {})
        .build();
    assert_eq!(deliver(&app, "jobs", &["x"]), [ACK]);
}

#[test]
fn a_handler_reads_typed_messages_and_calls_functions_as_the_server() {
    let shards = shards();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let record = seen.clone();
    let app = testing::builder()
        .shard_do(shards.clone())
        .queue("mail", async move |batch, _env, ctx: &RouteContext<'_>| {
            for message in batch.messages() {
                let task: Task = message.json()?;
                let facts = (message.id().to_owned(), message.attempts(), message.timestamp_ms());
                record.borrow_mut().push((facts, task.to));
            }
            ctx.wait_until(async {});
            ctx.run_mutation::<()>(function!("mail:sent"), &()).await
        })
        .build();
    let message = QueueMessage::new("7", json!({ "to": "ada" }));
    let message = message.with_attempts(2).with_timestamp_ms(1_000);
    let ctx = MemoryContext::new();
    let ask = |message| {
        let batch = QueueBatch::new("mail", [message]);
        block_on(app.queue(&batch, &MemoryEnvironment::new(), &ctx))
    };
    assert_eq!(ask(message), [ACK]);
    assert_eq!(*seen.borrow(), [(("7".to_owned(), 2, 1_000), "ada".to_owned())]);
    assert_eq!(ctx.pending(), 1);
    let [call] = &*shards.calls() else { unreachable!("one call") };
    assert_eq!(call.headers.get("x-lunora-system").unwrap(), "1");
    let logs = capture_logs();
    assert_eq!(ask(QueueMessage::new("8", json!({ "to": 1 }))), [RETRY]);
    assert!(logs.lines()[0].contains("invalid body of the message `8`"), "{:?}", logs.lines());
}

fn post(app: &Lunora<MemoryEnvironment>, token: &str, body: &str) -> (u16, Value) {
    let request = Request::post("https://app.test/_lunora/queue", body.to_owned())
        .with_header("authorization", format!("Bearer {token}"));
    let answer = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    let (head, body) = answer.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

#[test]
fn an_operators_delivery_answers_what_to_retry() {
    let app = app();
    let body = r#"{"queue":"jobs","messages":[{"id":"a","body":"done"},{"id":"b","body":"again"},
        {"body":"again"},{"id":"","body":"again"},{"id":7,"body":"again"},"again",{"id":"c"}]}"#;
    assert_eq!(post(&app, TOKEN, body), (200, json!({ "retry": ["b"] })));
    let body = body.replace(r#""queue":"jobs","#, "");
    assert_eq!(post(&app, TOKEN, &body), (200, json!({ "retry": ["b"] })), "there is one queue");
    let failing =
        r#"{"queue":"jobs","messages":[{"id":"a","body":"done"},{"id":"b","body":"fails"}]}"#;
    assert_eq!(post(&app, TOKEN, failing), (200, json!({ "retry": ["b"] })));
}

#[test]
fn an_operators_delivery_is_refused_without_token_messages_or_handler() {
    let code = |(status, body): (u16, Value)| {
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let bad = (400, "BAD_REQUEST".to_owned());
    let messages = r#"{"queue":"jobs","messages":[]}"#;
    assert_eq!(code(post(&app(), "wrong", messages)), (403, "ADMIN_FORBIDDEN".to_owned()));
    for body in [
        "",
        "{}",
        r#"{"queue":"jobs"}"#,
        r#"{"messages":{}}"#,
        "[]",
        r#"{"queue":"mail","messages":[]}"#,
    ] {
        assert_eq!(code(post(&app(), TOKEN, body)), bad, "{body}");
    }
    let without =
        testing::builder().shard_do(shards()).admin_token(AdminToken::new(TOKEN).unwrap()).build();
    assert_eq!(code(post(&without, TOKEN, messages)), bad);
    let two = testing::builder()
        .shard_do(shards())
        .admin_token(AdminToken::new(TOKEN).unwrap())
        .queue("a", async |_batch, _env, _ctx| {})
        .queue("b", async |_batch, _env, _ctx| {})
        .build();
    let (status, body) = post(&two, TOKEN, r#"{"messages":[]}"#);
    assert_eq!(
        (status, body["error"]["message"].as_str().unwrap()),
        (400, "`queue` is required: this deployment handles a, b")
    );
}

fn email(app: &Lunora<MemoryEnvironment>, subject: &str) -> (Result<(), String>, MemoryEmail) {
    let host = MemoryEmail::new();
    let email = Email::new("ada@example.com", "bot@example.com", host.clone())
        .with_header("subject", subject)
        .with_raw("Subject: hello\r\n\r\n", 18);
    let handled = block_on(app.email(email, &MemoryEnvironment::new(), &NoopExecutionContext));
    (handled.map_err(|error| error.to_log_line()), host)
}

#[test]
fn a_handler_reads_forwards_and_rejects_e_mails() {
    let app = testing::builder()
        .shard_do(shards())
        .email(async |mut email: Email, _env, _ctx| {
            assert_eq!(email.headers().len(), 1);
            match email.header("subject") {
                Some("hello") => email.forward(&format!("{}.archive", email.to())).await,
                Some("large") => email.raw(4).await.map(drop),
                _ => email.reject("unknown subject").await,
            }
        })
        .build();
    let (handled, host) = email(&app, "hello");
    assert_eq!((handled, host.forwarded()), (Ok(()), vec!["bot@example.com.archive".to_owned()]));
    let (handled, host) = email(&app, "spam");
    assert_eq!((handled, host.rejected().as_deref()), (Ok(()), Some("unknown subject")));
    assert!(email(&app, "large").0.unwrap_err().contains("PAYLOAD_TOO_LARGE"));
}

#[test]
fn an_e_mail_without_a_handler_fails_and_says_so() {
    let app = testing::builder().shard_do(shards()).build();
    assert!(email(&app, "x").0.unwrap_err().contains("call `.email(..)` on the builder"));
}

/// A framework with a queue of its own, and e-mails.
struct Site;

impl FrameworkWorker<MemoryEnvironment> for Site {
    async fn fetch(
        &self,
        _request: Request,
        _env: &MemoryEnvironment,
        _ctx: &RouteContext<'_>,
    ) -> Result<Response, LunoraError> {
        Ok(Response::empty())
    }

    async fn queue(
        &self,
        batch: &QueueBatch,
        _env: &MemoryEnvironment,
        _ctx: &RouteContext<'_>,
    ) -> Result<(), LunoraError> {
        batch.messages().iter().for_each(QueueMessage::retry);
        Ok(())
    }

    async fn email(
        &self,
        email: Email,
        _env: &MemoryEnvironment,
        _ctx: &RouteContext<'_>,
    ) -> Result<(), LunoraError> {
        email.reject("the host has no mailbox").await
    }
}

#[test]
fn a_host_keeps_its_queues_and_e_mails_and_the_backend_takes_over_its_own() {
    let builder = || testing::builder().shard_do(shards()).queue("jobs", async |_, _, _| {});
    let app = with_framework_worker(Site, builder());
    assert_eq!(deliver(&app, "jobs", &["x"]), [ACK]);
    assert_eq!(deliver(&app, "the hosts", &["x"]), [RETRY]);
    assert_eq!(email(&app, "x").1.rejected().as_deref(), Some("the host has no mailbox"));
    let app = with_framework_worker(Site, builder().email(async |_, _, _| {}));
    assert_eq!(email(&app, "x").1.rejected(), None);
}

#[test]
fn a_host_without_handlers_loses_nothing() {
    let logs = capture_logs();
    let app = with_framework_worker(
        async |_, _: &MemoryEnvironment, _: &RouteContext<'_>| Response::empty(),
        testing::builder().shard_do(shards()),
    );
    assert_eq!(deliver(&app, "jobs", &["x"]), [RETRY]);
    assert!(logs.lines()[0].contains("implement `FrameworkWorker::queue`"), "{:?}", logs.lines());
    assert!(email(&app, "x").0.unwrap_err().contains("implement `FrameworkWorker::email`"));
}

#[test]
fn a_job_runs_on_each_shard_of_a_table_and_a_failed_one_stops_no_other() {
    let shards = MemoryNamespace::new(async |address, _| match address.key.as_str() {
        "b" => {
            Response::raw_json(r#"{"error":{"code":"CONFLICT","message":"no"}}"#).with_status(409)
        }
        _ => Response::raw_json(r#"{"result":null}"#),
    });
    let registry = StaticShardRegistry::new().table("rooms", ["a", "b", "c"]).unwrap();
    let job =
        CronJob::function("sweep", cron!("0 4 * * *"), "rooms:sweep").on_each_shard_of("rooms");
    let app = |job: CronJob| {
        let clock = ManualClock::new(7_000);
        let coordinator = QueryCoordinator::new(registry.clone()).clock(clock.clone());
        testing::builder()
            .shard_do(shards.clone())
            .query_coordinator(coordinator)
            .clock(clock)
            .cron_job(job)
            .build()
    };
    let env = MemoryEnvironment::new();
    let event = ScheduledEvent::new("0 4 * * *", 7_000);
    let run = |job| block_on(app(job).scheduled(event.clone(), &env, &NoopExecutionContext));
    let failed = run(job).unwrap_err().to_string();
    assert!(failed.contains("it failed on 1 of 3 shards, first on \"b\""), "{failed}");
    let mut asked: Vec<_> = shards
        .calls()
        .iter()
        .map(|call| {
            (call.address.key.to_string(), call.header("x-lunora-mutation-id").map(str::to_owned))
        })
        .collect();
    asked.sort();
    let id = Some("cron-sweep-7000".to_owned());
    assert_eq!(asked, ["a", "b", "c"].map(|key| (key.to_owned(), id.clone())));
    // A table that no shard has announced yet is in the default shard.
    run(CronJob::function("sweep", cron!("0 4 * * *"), "rooms:sweep").on_each_shard_of("new"))
        .unwrap();
    assert_eq!(shards.calls().last().unwrap().address.key.as_str(), "__root__");

    let alone = testing::builder()
        .shard_do(shards.clone())
        .cron_job(
            CronJob::function("sweep", cron!("0 4 * * *"), "rooms:sweep").on_each_shard_of("rooms"),
        )
        .build();
    let refused =
        block_on(alone.scheduled(event.clone(), &env, &NoopExecutionContext)).unwrap_err();
    assert!(refused.to_string().contains("query_coordinator"), "{refused}");
}
