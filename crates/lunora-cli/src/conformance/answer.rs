//! An answer over HTTP, and what a case can expect of it.

use std::io::{self, Read};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use ureq::{
    Body,
    http::{HeaderMap, Response, StatusCode},
};

use super::case::{Checked, Mismatch};

/// The longest body that is read, in bytes.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// Words that only the inside of a server says.
const INTERNALS: [&str; 7] = [
    "panicked at",
    "RUST_BACKTRACE",
    ".rs:",
    "wasm-function",
    "RuntimeError:",
    "node_modules/",
    "SQLITE_ERROR",
];

pub(crate) struct Answer {
    request: String,
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    pub(crate) fn read(request: String, response: Response<Body>) -> io::Result<Self> {
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        body.into_with_config().limit(u64::MAX).reader().take(MAX_BODY).read_to_end(&mut bytes)?;
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { request, status: parts.status, headers: parts.headers, body })
    }

    /// Fails if an error shows the inside of the server.
    pub(crate) fn without_internals(self) -> Result<Self, Mismatch> {
        let words = INTERNALS.iter().find(|words| self.body.contains(**words));
        match words {
            Some(words) if self.status.as_u16() >= 400 => {
                Err(self.mismatch(format!("an error that does not show `{words}`")))
            }
            _ => Ok(self),
        }
    }

    pub(crate) fn status(&self, expected: u16) -> Result<&Self, Mismatch> {
        self.status_of(&[expected])
    }

    pub(crate) fn status_of(&self, expected: &[u16]) -> Result<&Self, Mismatch> {
        if expected.contains(&self.status.as_u16()) {
            return Ok(self);
        }
        let expected: Vec<_> = expected.iter().map(u16::to_string).collect();
        Err(self.mismatch(format!("status {}", expected.join(" or "))))
    }

    /// Expects a coded error: its status and its code.
    pub(crate) fn refused(&self, status: u16, code: &str) -> Checked {
        self.status(status)?.error(&self.json()?, Some(code))
    }

    /// Expects an error with any code, of one of these statuses.
    pub(crate) fn refused_as(&self, statuses: &[u16]) -> Checked {
        self.status_of(statuses)?.error(&self.json()?, None)
    }

    /// Expects the body of a coded error, here or in the slot of a batch.
    pub(crate) fn error(&self, body: &Value, code: Option<&str>) -> Checked {
        let error = |name: &str| body.get("error").and_then(|error| error.get(name)?.as_str());
        let holds = error("message").is_some()
            && error("code").is_some_and(|got| code.is_none_or(|code| got == code));
        if holds {
            return Ok(());
        }
        let code = code.unwrap_or("…");
        let form = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"…\"}}}}");
        Err(self.mismatch(format!("an error of the form {form}")))
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        let values = values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.map(std::borrow::Cow::into_owned).reduce(|all, value| format!("{all}, {value}"))
    }

    /// Expects a header that contains `part`, in any case of letters.
    pub(crate) fn has_header(&self, name: &str, part: &str) -> Result<&Self, Mismatch> {
        let value = self.header(name);
        let found = value
            .as_ref()
            .is_some_and(|value| value.to_ascii_lowercase().contains(&part.to_ascii_lowercase()));
        if found {
            return Ok(self);
        }
        Err(self.mismatch_with(
            format!("the header {name} with `{part}`"),
            &format!("{name}: {}", value.as_deref().unwrap_or("absent")),
        ))
    }

    /// Expects a header to be absent.
    pub(crate) fn has_no_header(&self, name: &str) -> Result<&Self, Mismatch> {
        match self.header(name) {
            None => Ok(self),
            Some(value) => {
                Err(self.mismatch_with(format!("no header {name}"), &format!("{name}: {value}")))
            }
        }
    }

    pub(crate) fn json(&self) -> Result<Value, Mismatch> {
        serde_json::from_str(&self.body)
            .map_err(|error| self.mismatch(format!("a body of JSON ({error})")))
    }

    /// Returns a field of the body.
    pub(crate) fn field(&self, name: &str) -> Result<Value, Mismatch> {
        let mut json = self.json()?;
        let value = json.get_mut(name).map(Value::take);
        value.ok_or_else(|| self.mismatch(format!("a body with `{name}`")))
    }

    /// Returns the bytes of the result.
    pub(crate) fn result(&self) -> Result<&str, Mismatch> {
        #[derive(Deserialize)]
        struct Whole<'a> {
            #[serde(borrow)]
            result: &'a RawValue,
        }

        let whole: Result<Whole<'_>, _> = serde_json::from_str(&self.body);
        let whole = whole.map_err(|_| self.mismatch("a body with `result`".to_owned()))?;
        Ok(whole.result.get())
    }

    /// Expects something of the body.
    pub(crate) fn that(
        &self,
        expected: &str,
        holds: impl FnOnce(&Value) -> bool,
    ) -> Result<&Self, Mismatch> {
        if holds(&self.json()?) { Ok(self) } else { Err(self.mismatch(expected.to_owned())) }
    }

    /// Returns status and body: all that a caller without rights may compare.
    pub(crate) fn seen(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.body)
    }

    pub(crate) fn mismatch(&self, expected: String) -> Mismatch {
        self.mismatch_with(expected, "")
    }

    fn mismatch_with(&self, expected: String, detail: &str) -> Mismatch {
        let status = self.status.as_u16();
        let line = if detail.is_empty() { String::new() } else { format!("{detail}\n") };
        let got = format!("{line}status {status}\n{}", self.body);
        Mismatch { request: self.request.clone(), expected, got }
    }
}
