//! Calls and upgrades that `front.js` carries out: the functions that [`serve!`](crate::serve) exports for it.
//!
//! `plan` decides a call. JavaScript sends it, and keeps nothing here meanwhile; `dress` completes the
//! headers of an answer, once for each head that JavaScript has not seen yet.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;
use worker::Env;

use super::events::{Built, not_built, response_to_js};
use crate::{
    pipeline::{
        edge_only,
        plan::{Dressing, Plan, Planned},
    },
    platform::cloudflare,
    wire::paths,
};

/// Returns the environment that JavaScript asks for plans in.
#[must_use]
pub fn environment() -> Env {
    cloudflare::plan::environment()
}

/// Returns the function of JavaScript that answers requests by plans, or the response while the
/// application cannot be built. With the application built, the first call is planned like every
/// other: a request of [`fetch`](crate::entry::private::fetch) runs far more code, which the runtime
/// would have to compile.
///
/// # Errors
/// If the response cannot be passed to the platform.
pub fn front(app: Built) -> Result<JsValue, JsValue> {
    match app {
        Ok(_) => Ok(cloudflare::plan::front()),
        Err(error) => response_to_js(not_built(error)),
    }
}

/// Decides a call of `POST /_lunora/rpc` or an upgrade of `/_lunora/ws`: `message` has its head, an
/// empty line, and its body. The result is the plan of the call, or empty: then JavaScript has the
/// response, or a promise of it, or nothing if the request is of another path.
#[must_use]
pub fn plan(app: Built, message: &str) -> String {
    let request = match cloudflare::plan::request(message) {
        Ok(request) if !matches!(request.path(), paths::RPC | paths::WS) => return String::new(),
        request => request,
    };
    // A plan is the result of this very call. What is decided later is carried out here.
    let planned = Rc::new(RefCell::new(Some(String::new())));
    let result = planned.clone();
    let outcome = cloudflare::run(None, async move {
        let response = match (app, request) {
            (Ok(app), Ok(request)) => match app.lunora.plan(request, &app.env).await {
                Planned::Call(plan) => {
                    if let (Some(text), Some(result)) = (to_text(&plan), &mut *planned.borrow_mut())
                    {
                        *result = text;
                        return Ok(JsValue::UNDEFINED);
                    }
                    app.lunora.carry_out(*plan, &app.env).await
                }
                Planned::Answer(response) => response,
            },
            (Err(error), _) => not_built(error),
            (_, Err(error)) => edge_only(&error),
        };
        response_to_js(response)
    });
    let text = result.take().unwrap_or_default();
    if text.is_empty() {
        cloudflare::plan::answered(outcome);
    }
    text
}

fn to_text(plan: &Plan) -> Option<String> {
    let body = plan.request.body();
    let body = if body.is_empty() { "" } else { str::from_utf8(body.as_bytes()?).ok()? };
    Some(cloudflare::plan::to_text(
        &plan.address,
        plan.request.headers(),
        body,
        plan.timeout,
        &plan.dressing.to_text(),
        &plan.trace,
    ))
}

/// Completes the head of a shard's answer. Equal arguments give equal results.
#[must_use]
pub fn dress(app: Built, dressing: &str, head: &str) -> Option<String> {
    let app = app.ok()?;
    let dressing = Dressing::from_text(dressing);
    Some(cloudflare::plan::dressed(head, |answer| app.lunora.dress(&dressing, &app.env, answer)))
}

/// Answers a call that its shard did not answer: in time, or because of what was thrown.
///
/// # Errors
/// If the response cannot be passed to the platform.
pub fn undelivered(
    app: Built,
    dressing: &str,
    trace: &str,
    key: &str,
    timeout_ms: Option<f64>,
    thrown: JsValue,
) -> Result<JsValue, JsValue> {
    let error = cloudflare::plan::undelivered(key, timeout_ms, thrown);
    response_to_js(match app {
        Ok(app) => app.lunora.undelivered(&Dressing::from_text(dressing), trace, &app.env, &error),
        Err(error) => not_built(error),
    })
}
