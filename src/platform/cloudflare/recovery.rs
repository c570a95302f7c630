//! Point-in-time recovery of a Durable Object.

use futures::future::LocalBoxFuture;
use wasm_bindgen::prelude::*;
use worker::{State, js_sys::Promise};

use super::{
    error::JsFailure,
    promise::{Awaited, Value},
};
use crate::errors::LunoraError;

#[wasm_bindgen(module = "/src/platform/cloudflare/recovery.js")]
extern "C" {
    #[wasm_bindgen(js_name = bookmark)]
    fn js_bookmark(storage: &JsValue, at_ms: Option<f64>) -> Promise;

    #[wasm_bindgen(js_name = restoreBookmark)]
    fn js_restore_bookmark(storage: &JsValue, bookmark: &str) -> Promise;

    #[wasm_bindgen(js_name = restart)]
    fn js_restart(state: &JsValue);
}

type Recovered = LocalBoxFuture<'static, Result<Option<String>, LunoraError>>;

/// Returns the bookmark of a time, or of now.
#[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
pub(super) fn bookmark(storage: &JsValue, at_ms: Option<u64>) -> Recovered {
    answered(js_bookmark(storage, at_ms.map(|at_ms| at_ms as f64)))
}

/// Has the next start of the object begin at a bookmark. Returns the bookmark of before.
pub(super) fn restore_bookmark(storage: &JsValue, bookmark: &str) -> Recovered {
    answered(js_restore_bookmark(storage, bookmark))
}

/// Ends the object once its answer is out.
pub(super) fn restart(state: &State) {
    js_restart(state.as_raw());
}

fn answered(promise: Promise) -> Recovered {
    Box::pin(async move {
        let settled = Awaited::promise(&promise).await.map(Value::into_js);
        match settled {
            Ok(bookmark) => Ok(bookmark.as_string()),
            Err(thrown) => Err(LunoraError::internal(JsFailure::from(thrown))),
        }
    })
}
