//! The backend beside a framework, and functions called from handlers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc};

use futures::executor::block_on;
use lunora::{
    Identity, Lunora, LunoraError, Request, Response,
    compose::{FrameworkWorker, compose_worker, with_framework_worker},
    cron, function,
    functions::FunctionRef,
    platform::NoopExecutionContext,
    route,
    routing::RouteContext,
    schedule::ScheduledEvent,
    testing::{self, MemoryEnvironment, MemoryNamespace},
};
use serde_json::{Map, json};

const LIST: FunctionRef = function!("messages:list");

/// Shards that answer with what they were asked.
fn shards() -> MemoryNamespace {
    MemoryNamespace::new(async |address, mut request: Request| {
        let header = |name: &str| request.header(name).map(str::to_owned);
        let (user, system) = (header("x-lunora-userid"), header("x-lunora-system"));
        let mutation = header("x-lunora-mutation-id");
        let body: serde_json::Value = request.json(1 << 20).await.unwrap();
        if body["functionPath"] == "messages:fail" {
            let error = json!({"error": {"code": "OUT_OF_TEA", "message": "no tea"}});
            return Response::raw_json(error.to_string()).with_status(409);
        }
        let result = json!({
            "shard": address.key.as_str(), "user": user, "system": system, "mutation": mutation,
            "function": body["functionPath"], "args": body["args"],
        });
        Response::raw_json(json!({ "result": result }).to_string())
    })
}

fn get(app: &Lunora<MemoryEnvironment>, path: &str) -> (u16, String) {
    let request = Request::get(format!("https://app.test{path}"))
        .with_header("cookie", "user=ada")
        .with_header("x-lunora-mutation-id", "m1")
        .with_header("x-lunora-system", "1")
        .with_header("x-lunora-userid", "mallory");
    let answer = block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
    let (parts, body) = answer.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

fn app() -> Lunora<MemoryEnvironment> {
    testing::builder()
        .shard_do(shards())
        .resolve_identity(async |request, _env| request.cookie("user").map(Identity::user))
        .authorize_shard(async |access| access.shard_key.as_str() != "closed")
        .route(route!("GET /mine"), async |_request, _env, ctx| {
            let seen: serde_json::Value = ctx.run_query(LIST, &json!({"n": 1})).await?;
            Ok::<_, LunoraError>(Response::text(seen.to_string()))
        })
        .route(route!("GET /server"), async |_request, _env, ctx| {
            let server = ctx.functions().as_server().for_shard("closed".parse()?);
            let seen: serde_json::Value = server.run_mutation(LIST, &Map::new()).await?;
            Ok::<_, LunoraError>(Response::text(seen.to_string()))
        })
        .route(route!("GET /closed"), async |_request, _env, ctx| {
            let closed = ctx.for_shard("closed".parse()?);
            closed.run_query::<serde_json::Value>(LIST, &Map::new()).await?;
            Ok::<_, LunoraError>(Response::empty())
        })
        .route(route!("GET /fails"), async |_request, _env, ctx| {
            ctx.run_action::<()>(function!("messages:fail"), &Map::new()).await?;
            Ok::<_, LunoraError>(Response::empty())
        })
        .build()
}

#[test]
fn a_handler_calls_functions_in_the_callers_name() {
    let (status, body) = get(&app(), "/mine");
    let seen: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        seen,
        json!({
            "shard": "__root__", "user": "ada", "system": null, "mutation": null,
            "function": "messages:list", "args": {"n": 1},
        })
    );
}

#[test]
fn a_handler_calls_functions_in_the_servers_name_when_it_says_so() {
    let (_, body) = get(&app(), "/server");
    let seen: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&seen["system"], &seen["user"]), (&json!("1"), &json!(null)));
    assert_eq!(seen["shard"], "closed");
}

#[test]
fn the_gates_are_asked_for_calls_of_handlers() {
    let (status, body) = get(&app(), "/closed");
    assert_eq!(status, 403, "{body}");
    assert!(!body.contains("messages:list"));
}

#[test]
fn a_functions_own_error_reaches_the_client() {
    let (status, body) = get(&app(), "/fails");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["error"]["code"]), (409, &json!("OUT_OF_TEA")));
}

#[test]
fn pages_come_last_and_their_failure_disturbs_nothing() {
    let app =
        compose_worker(testing::builder().shard_do(shards()), async |request, _, _| match request
            .path()
        {
            "/broken" => Err(LunoraError::internal("secret words")),
            path => Ok(Response::html(format!("<h1>{path}</h1>"))),
        });
    assert_eq!(get(&app, "/about"), (200, "<h1>/about</h1>".to_owned()));
    assert_eq!(get(&app, "/broken"), (500, "Internal Server Error".to_owned()));
    assert_eq!(get(&app, "/_lunora/status"), (200, r#"{"ok":true}"#.to_owned()));
}

/// A framework with a trigger of its own.
struct Site(Rc<RefCell<Vec<String>>>);

impl FrameworkWorker<MemoryEnvironment> for Site {
    async fn fetch(
        &self,
        request: Request,
        _env: &MemoryEnvironment,
        ctx: &RouteContext<'_>,
    ) -> Result<Response, LunoraError> {
        let seen: serde_json::Value = ctx.run_query(LIST, &Map::new()).await?;
        Ok(Response::html(format!("{} {}", request.path(), seen["function"])))
    }

    async fn scheduled(
        &self,
        event: ScheduledEvent,
        _env: &MemoryEnvironment,
        ctx: &RouteContext<'_>,
    ) -> Result<(), LunoraError> {
        let seen: serde_json::Value = ctx.run_mutation(LIST, &Map::new()).await?;
        self.0.borrow_mut().push(format!("{} {}", event.cron(), seen["system"]));
        Ok(())
    }
}

#[test]
fn a_hosts_own_triggers_run_where_the_backend_has_none() {
    let fired = Rc::new(RefCell::new(Vec::new()));
    let trigger = |app: &Lunora<MemoryEnvironment>| {
        let event = ScheduledEvent::new("0 * * * *", 0);
        block_on(app.scheduled(event, &MemoryEnvironment::new(), &NoopExecutionContext)).unwrap();
    };
    let app = with_framework_worker(Site(fired.clone()), testing::builder().shard_do(shards()));
    assert_eq!(get(&app, "/x"), (200, r#"/x "messages:list""#.to_owned()));
    trigger(&app);
    assert_eq!(*fired.borrow(), [r#"0 * * * * "1""#]);

    let with_cron =
        testing::builder().shard_do(shards()).cron(cron!("5 5 * * *"), async |_, _, _| {});
    trigger(&with_framework_worker(Site(fired.clone()), with_cron));
    assert_eq!(fired.borrow().len(), 1);
}
