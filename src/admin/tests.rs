//! Tests of the plane on the platform in memory, with a file per area.

mod core;
mod documents;
mod gate;
mod global;
mod health;
mod kv;
mod moving;
mod others;
mod scheduler;
mod storage;

use std::{cell::RefCell, rc::Rc};

use futures::{executor::block_on, future::LocalBoxFuture};
use serde_json::Value;

use super::{
    AdminArea, AdminCall, AreaHandler, Auth, BackupRoutes, Data, KvNamespaces, Logs, Orchestration,
    Vectors, Workflows,
};
use crate::{
    AdminToken, Lunora, LunoraError, Request, Response,
    backup::BackupConfig,
    builder::{
        Builder,
        state::{SetAdminToken, SetShardDo},
    },
    coordinator::{QueryCoordinator, StaticShardRegistry},
    cron,
    functions::FunctionInfo,
    operate::{Scheduler, Storage},
    platform::NoopExecutionContext,
    schedule::CronJob,
    testing::{
        self, ManualClock, MemoryAuth, MemoryEnvironment, MemoryGlobalTables, MemoryLogArchive,
        MemoryNamespace, MemoryObjectStore, MemoryVectors, MemoryWorkflow,
    },
};

pub(super) const TOKEN: &str = "correct-horse-battery-staple";
const BEARER: &str = "Bearer correct-horse-battery-staple";

/// An application with an admin token and shards that answer with the request that they received.
fn with_token() -> Builder<SetAdminToken<SetShardDo>, MemoryEnvironment> {
    testing::builder().shard_do(shards()).admin_token(AdminToken::new(TOKEN).unwrap())
}

thread_local! {
    /// The requests that reached the handler of a test.
    static REACHED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records the requests that it receives.
struct Remembers;

impl AreaHandler for Remembers {
    fn handle<'a>(
        &'a self,
        call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        REACHED.with_borrow_mut(|reached| reached.push(call.op().to_owned()));
        Box::pin(async { Ok(Response::empty()) })
    }
}

/// An application with everything configured.
fn everything() -> Builder<SetAdminToken<SetShardDo>, MemoryEnvironment> {
    let mut builder =
        with_token().cron_job(CronJob::function("sweep", cron!("0 * * * *"), "messages:sweep"));
    let clock = ManualClock::new(0);
    let registry = StaticShardRegistry::new();
    let backup =
        BackupConfig::builder().store(MemoryObjectStore::new()).cron(cron!("0 3 * * *")).build();
    let settings = &mut builder.settings;
    settings.query_coordinator = Some(QueryCoordinator::new(registry).clock(clock.clone()));
    settings.backup =
        Some((backup.erased(), crate::pipeline::backup::run::<MemoryEnvironment> as _));
    settings.clock = Rc::new(clock);
    let plane = &mut settings.admin;
    plane.attach(AdminArea::Backups, BackupRoutes);
    plane.attach(AdminArea::Data, Data);
    plane.attach(AdminArea::Orchestration, Orchestration);
    plane.functions = Some(Box::new(Vec::<FunctionInfo>::new()));
    plane.workflows.push(("W".into(), Rc::new(MemoryWorkflow::new())));
    plane.attach(AdminArea::Auth, Auth(MemoryAuth::new()));
    plane.attach_globals(MemoryGlobalTables::new());
    plane.attach(AdminArea::Kv, KvNamespaces::new());
    plane.attach(AdminArea::Logs, Logs(MemoryLogArchive::new()));
    plane.attach(AdminArea::Scheduler, Scheduler::new(shards()));
    plane.attach(AdminArea::Storage, Storage::new("FILES", MemoryObjectStore::new()));
    plane.attach(AdminArea::Vector, Vectors(MemoryVectors::new()));
    plane.attach(AdminArea::Workflows, Workflows);
    plane.attach(AdminArea::Test, Remembers);
    builder
}

fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |_address, _request| Response::raw_json(r#"{"result":null}"#))
}

/// A response, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns status and code of an error.
    fn error(&self) -> (u16, String) {
        let body = self.json();
        (self.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn send(app: &Lunora<MemoryEnvironment>, env: &MemoryEnvironment, request: Request) -> Answer {
    block_on(async {
        let response = app.fetch(request, env, &NoopExecutionContext).await;
        let (head, body) = response.into_parts();
        let body = body.into_bytes(usize::MAX).await.unwrap();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    })
}

fn request(method: &str, path: &str, body: impl Into<crate::Body>) -> Request {
    Request::new(method.parse().unwrap(), format!("https://app.test{path}"), body)
}

/// Sends a request as an operator with the token.
fn ask(
    app: &Lunora<MemoryEnvironment>,
    method: &str,
    path: &str,
    body: impl Into<crate::Body>,
) -> Answer {
    let request = request(method, path, body).with_header("authorization", BEARER);
    send(app, &MemoryEnvironment::new(), request)
}

fn get(app: &Lunora<MemoryEnvironment>, path: &str) -> Answer {
    ask(app, "GET", path, crate::Body::empty())
}

fn post(app: &Lunora<MemoryEnvironment>, path: &str, body: &str) -> Answer {
    ask(app, "POST", path, body.to_owned())
}
