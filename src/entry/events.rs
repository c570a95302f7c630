//! The functions that [`serve!`](crate::serve) exports, one for each kind of event.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use wasm_bindgen::JsValue;
use worker::{Env, js_sys, wasm_bindgen_futures, web_sys, worker_sys};

use crate::{
    errors::LunoraError,
    faults::{Direct, Impossible, NoWay},
    log,
    message::Response,
    pipeline::{Lunora, edge_only},
    platform::{
        ScheduledEvent,
        cloudflare::{
            self,
            events::{Delivery, email_from_js},
        },
    },
};

/// The kinds of functions that `serve!` takes.
#[diagnostic::on_unimplemented(
    message = "this function cannot build the `Lunora` of a Worker",
    label = "`serve!` takes `fn(env: &Env) -> Result<Lunora, LunoraError>`",
    note = "it is not `async`, and takes the environment only; `?` turns other errors into a `LunoraError`"
)]
pub trait BuildApp<Way>: Fn(&Env) -> Result<Lunora, LunoraError> {}

impl<F: Fn(&Env) -> Result<Lunora, LunoraError>> BuildApp<Direct> for F {}

impl<F: Impossible + Fn(&Env) -> Result<Lunora, LunoraError>> BuildApp<NoWay> for F {}

/// The `Lunora` of a Worker, and the environment that it was built in.
#[derive(Debug)]
pub struct Application {
    pub(super) lunora: Lunora,
    pub(super) env: Env,
}

/// What the exported functions get: the application, or why it could not be built.
pub type Built = Result<Rc<Application>, LunoraError>;

/// Builds the `Lunora` of a Worker.
///
/// # Errors
/// The error of the application's own function.
pub fn build<Way>(app: impl BuildApp<Way>, env: &Env) -> Result<Application, LunoraError> {
    let lunora = app(env)?;
    if let Some(shards) = lunora.plans_for() {
        cloudflare::plan::plan_for(env, shards);
    }
    Ok(Application { lunora, env: env.clone() })
}

/// Answers one request with a response, or with a promise of one, which never rejects.
pub fn fetch(
    app: Built,
    request: web_sys::Request,
    env: Env,
    ctx: worker_sys::Context,
) -> Result<JsValue, JsValue> {
    cloudflare::run(Some(&Clone::clone(&request)), async move {
        let response = match (app, cloudflare::request_from_js(request)) {
            (Ok(app), Ok(request)) => {
                app.lunora.fetch(request, &env, &worker::Context::new(ctx)).await
            }
            (Err(error), _) => not_built(error),
            (_, Err(error)) => edge_only(&error),
        };
        response_to_js(response)
    })
}

pub(super) fn response_to_js(response: Response) -> Result<JsValue, JsValue> {
    cloudflare::response_to_js(response)
        .or_else(|error| cloudflare::response_to_js(edge_only(&error)))
        .map(JsValue::from)
        .map_err(|error| to_js_error(&error))
}

/// Starts a future and returns the promise of its outcome. Every export uses one instance of the
/// machinery behind it, which weighs several kilobytes per type of future.
pub fn promise(
    future: impl Future<Output = Result<JsValue, JsValue>> + 'static,
) -> js_sys::Promise {
    let future: LocalBoxFuture<'static, Result<JsValue, JsValue>> = Box::pin(future);
    wasm_bindgen_futures::future_to_promise(future)
}

/// Runs every handler, job and backup of a trigger; the promise rejects if any of them failed.
pub async fn scheduled(
    app: Built,
    event: worker_sys::ScheduledEvent,
    env: Env,
    ctx: worker_sys::ScheduleContext,
) -> Result<JsValue, JsValue> {
    let app = app.map_err(|error| failed(&NotBuilt(error)))?;
    let event = worker::ScheduledEvent::from(event);
    // A time in milliseconds is far below 2^53.
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds are whole and below 2^53")]
    let event = ScheduledEvent::new(event.cron(), event.schedule() as i64);
    app.lunora
        .scheduled(event, &env, &worker::ScheduleContext::from(ctx))
        .await
        .map(|()| JsValue::UNDEFINED)
        .map_err(|error| failed(&error))
}

/// Gives a batch of a queue to its handler, and decides on its messages. The promise rejects if the
/// application could not be built, so that the platform delivers the batch again.
pub async fn queue(
    app: Built,
    batch: JsValue,
    env: Env,
    ctx: worker_sys::Context,
) -> Result<JsValue, JsValue> {
    let app = app.map_err(|error| failed(&NotBuilt(error)))?;
    let ctx = worker::Context::new(ctx);
    let delivery = Delivery::from_js(batch).map_err(|error| to_js_error(&error))?;
    for id in delivery.unreadable() {
        log::error(&format!(
            "the body of the message `{id}` of the queue `{}` is not JSON, and the message is retried",
            delivery.batch().queue()
        ));
    }
    let decisions = app.lunora.queue(delivery.batch(), &env, &ctx).await;
    delivery.settle(decisions).map_err(|error| to_js_error(&error))?;
    Ok(JsValue::UNDEFINED)
}

/// Gives an e-mail to its handler; the promise rejects if that fails.
pub async fn email(
    app: Built,
    email: JsValue,
    env: Env,
    ctx: worker_sys::Context,
) -> Result<JsValue, JsValue> {
    let app = app.map_err(|error| failed(&NotBuilt(error)))?;
    let handled = async {
        let email = email_from_js(email)?;
        app.lunora.email(email, &env, &worker::Context::new(ctx)).await
    };
    handled.await.map(|()| JsValue::UNDEFINED).map_err(|error| {
        log::error(&format!("an e-mail was not handled: {}", error.to_log_line()));
        to_js_error(&error)
    })
}

fn failed(error: &dyn std::error::Error) -> JsValue {
    log::error(&error.to_string());
    js_sys::Error::new(&error.to_string()).into()
}

/// Returns the response while the application cannot be built.
#[cold]
#[inline(never)]
pub(super) fn not_built(error: LunoraError) -> Response {
    edge_only(&LunoraError::internal(NotBuilt(error)))
}

/// The application's own function failed.
#[derive(Debug)]
struct NotBuilt(LunoraError);

impl std::fmt::Display for NotBuilt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the function given to `lunora::serve!` failed: {}", self.0.to_log_line())
    }
}

impl std::error::Error for NotBuilt {}

pub(super) fn to_js_error(error: &LunoraError) -> JsValue {
    js_sys::Error::new(&error.to_log_line()).into()
}
