//! Errors that JavaScript throws.

use std::fmt;

use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;

use crate::errors::LunoraError;

/// Something that JavaScript threw, as text and the platform's two flags.
#[derive(Debug)]
pub(super) struct JsFailure {
    message: String,
    /// The platform says that the same call may work now.
    pub(super) retryable: bool,
    /// The object is overloaded.
    pub(super) overloaded: bool,
}

impl From<JsValue> for JsFailure {
    fn from(thrown: JsValue) -> Self {
        let field = |name: &str| Reflect::get(&thrown, &name.into()).ok();
        let message = field("message").and_then(|message| message.as_string());
        Self {
            message: message
                .or_else(|| thrown.as_string())
                .unwrap_or_else(|| "JavaScript threw a value that is not an error".to_owned()),
            retryable: field("retryable").is_some_and(|flag| flag.is_truthy()),
            overloaded: field("overloaded").is_some_and(|flag| flag.is_truthy()),
        }
    }
}

impl fmt::Display for JsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsFailure {}

/// A failure of the platform is the server's: 500, logged, never shown.
impl From<worker::Error> for LunoraError {
    fn from(error: worker::Error) -> Self {
        Self::internal(error)
    }
}
