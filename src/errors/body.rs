//! The body of every error answer.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Hint;

/// `{"error":{"code","message","data"?,"hint"?,"docsUrl"?}}`, the body of every error answer.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LunoraErrorBody {
    /// The error. It is always an object: clients read anything else as a broken transport.
    pub error: ErrorDetail,
}

impl LunoraErrorBody {
    /// Returns the body as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and text that is already JSON can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The detail of the error in a [`LunoraErrorBody`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// The code that clients key on.
    pub code: Cow<'static, str>,
    /// The message, for people.
    pub message: Cow<'static, str>,
    /// Data for the program that reads the error, in wire form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// The suggested fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// The address of further documentation.
    #[serde(rename = "docsUrl", skip_serializing_if = "Option::is_none")]
    pub docs_url: Option<Cow<'static, str>>,
}

impl ErrorDetail {
    /// Returns a detail of code and message alone.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), data: None, hint: None, docs_url: None }
    }
}
