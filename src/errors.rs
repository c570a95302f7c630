//! Errors as a client may see them: [`LunoraError`], its [`Code`] and its body on the wire.

mod body;
mod code;

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::{
    body::{ErrorDetail, LunoraErrorBody},
    code::{Code, UnknownCode},
};

/// An error with a code, a status and a message that a client may read.
///
/// Details that a client must not read belong in the [source](Self::with_source): it is logged on
/// the server and never sent. Errors of a [redacted](Code::is_redacted) code keep their message on
/// the server as well.
///
/// ```
/// use lunora::{Code, LunoraError};
///
/// let error = LunoraError::new(Code::Conflict, "the document changed since it was read")
///     .with_hint("read it again and retry");
/// assert_eq!(error.status(), 409);
/// assert_eq!(
///     error.to_body().to_json(),
///     r#"{"error":{"code":"CONFLICT","message":"the document changed since it was read","hint":"read it again and retry"}}"#,
/// );
/// ```
pub struct LunoraError(Box<Inner>);

struct Inner {
    code: Cow<'static, str>,
    status: StatusCode,
    message: Cow<'static, str>,
    data: Option<Box<RawValue>>,
    hint: Option<Hint>,
    docs_url: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + 'static>>,
    redacted: bool,
}

impl LunoraError {
    /// Returns an error of the catalogue, with the status of its code.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::assemble(code.as_str().into(), code.status(), message.into(), code.is_redacted())
    }

    /// Returns an error with an application's own code, such as `("SEAT_TAKEN", 409)`.
    ///
    /// A code of the catalogue keeps its redaction. A status below 400 becomes 500: an error is
    /// never a success.
    pub fn custom(
        code: impl Into<Cow<'static, str>>,
        status: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let code = code.into();
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let redacted = code.parse().is_ok_and(Code::is_redacted);
        Self::assemble(code, status, message.into(), redacted)
    }

    /// Returns 500 `INTERNAL` for a failure that the client cannot fix; the source is logged.
    pub fn internal(source: impl Into<Box<dyn Error + 'static>>) -> Self {
        Self::new(Code::Internal, "Internal error").with_source(source)
    }

    /// Returns 400 `BAD_REQUEST` with a message that names the error.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// Returns 401 `UNAUTHORIZED`, with which a resolver refuses credentials.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// Attaches data for the program that reads the error.
    ///
    /// # Errors
    /// If `data` cannot be written as JSON.
    pub fn with_data(mut self, data: &impl Serialize) -> Result<Self, serde_json::Error> {
        self.0.data = Some(serde_json::value::to_raw_value(data)?);
        Ok(self)
    }

    /// Adds a hint on how to fix the error; each further call adds a line.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(match self.0.hint.take() {
            None => Hint::Line(hint.into()),
            Some(Hint::Line(first)) => Hint::Lines(vec![first, hint.into()]),
            Some(Hint::Lines(mut lines)) => {
                lines.push(hint.into());
                Hint::Lines(lines)
            }
        });
        self
    }

    /// Adds the address of further documentation.
    ///
    /// ```
    /// use lunora::LunoraError;
    ///
    /// let error = LunoraError::bad_request("no seat is left").with_docs_url("https://docs.example/seats");
    /// assert!(error.to_body().to_json().contains(r#""docsUrl":"https://docs.example/seats""#));
    /// ```
    #[must_use]
    pub fn with_docs_url(mut self, url: impl Into<Cow<'static, str>>) -> Self {
        self.0.docs_url = Some(url.into());
        self
    }

    /// Sets when to try again: the `Retry-After` header of the response, in whole seconds.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Sets the data, the hint and the documentation address of another error.
    pub(crate) fn with_details(
        mut self,
        data: Option<Box<RawValue>>,
        hint: Option<Hint>,
        docs_url: Option<String>,
    ) -> Self {
        self.0.data = data;
        self.0.hint = hint;
        self.0.docs_url = docs_url.map(Cow::Owned);
        self
    }

    /// Adds the cause of the error. It is logged and never sent.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + 'static>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the code as sent on the wire.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns when to try again, if the error has a retry time.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the message as it was given; [`to_body`](Self::to_body) holds the part that a client
    /// sees.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the error as a client may see it.
    #[must_use]
    pub fn to_body(&self) -> LunoraErrorBody {
        let inner = &*self.0;
        let mut detail = ErrorDetail::new(inner.code.clone(), inner.message.clone());
        if inner.redacted {
            detail.message = "Internal error".into();
            return LunoraErrorBody { error: detail };
        }
        detail.data.clone_from(&inner.data);
        detail.hint.clone_from(&inner.hint);
        detail.docs_url.clone_from(&inner.docs_url);
        LunoraErrorBody { error: detail }
    }

    /// Returns the line for the server's log: code, message and every source.
    #[must_use]
    pub fn to_log_line(&self) -> String {
        self.with_sources(self.to_string())
    }

    /// Returns the error as an operator may see it, unredacted: `{"code","message","name"}`. The
    /// message includes every source and is cut to 1,024 characters.
    pub(crate) fn to_detail_json(&self) -> String {
        const MAX: usize = 1024;

        #[derive(Serialize)]
        struct Detail<'a> {
            code: &'a str,
            message: &'a str,
            name: &'static str,
        }

        let message = self.with_sources(self.0.message.clone().into_owned());
        let end = message.char_indices().nth(MAX).map_or(message.len(), |(end, _)| end);
        let message = message.get(..end).unwrap_or_default();
        let detail = Detail { code: &self.0.code, message, name: "LunoraError" };
        // Strings can always be written.
        serde_json::to_string(&detail).unwrap_or_default()
    }

    fn with_sources(&self, mut line: String) -> String {
        let mut source = self.source();
        while let Some(error) = source {
            line.push_str(": ");
            line.push_str(&error.to_string());
            source = error.source();
        }
        line
    }

    fn assemble(
        code: Cow<'static, str>,
        status: StatusCode,
        message: Cow<'static, str>,
        redacted: bool,
    ) -> Self {
        Self(Box::new(Inner {
            code,
            status,
            message,
            data: None,
            hint: None,
            docs_url: None,
            retry_after: None,
            source: None,
            redacted,
        }))
    }
}

/// One line of advice, or several; on the wire a string or an array of strings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Hint {
    /// One line.
    Line(Cow<'static, str>),
    /// Several.
    Lines(Vec<Cow<'static, str>>),
}

impl fmt::Display for LunoraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.message)
    }
}

impl fmt::Debug for LunoraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LunoraError")
            .field("code", &self.0.code)
            .field("status", &self.0.status)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for LunoraError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_sends_the_source_or_a_redacted_message() {
        let error = LunoraError::new(Code::RpcFailed, "password is hunter2")
            .with_hint("hunter2")
            .with_source("connection to 10.0.0.1 refused");
        assert_eq!(
            error.to_body().to_json(),
            r#"{"error":{"code":"RPC_FAILED","message":"Internal error"}}"#
        );
        assert_eq!(
            error.to_log_line(),
            "500 RPC_FAILED: password is hunter2: connection to 10.0.0.1 refused"
        );
    }

    #[test]
    fn an_application_code_keeps_its_status_and_message() {
        let error = LunoraError::custom("SEAT_TAKEN", 409, "seat 12 is taken");
        assert_eq!(error.status(), 409);
        assert_eq!(
            error.to_body().to_json(),
            r#"{"error":{"code":"SEAT_TAKEN","message":"seat 12 is taken"}}"#
        );
    }

    #[test]
    fn an_error_is_never_a_success() {
        assert_eq!(LunoraError::custom("ODD", 200, "").status(), 500);
        assert_eq!(LunoraError::custom("ODD", 1, "").status(), 500);
    }

    #[test]
    fn several_hints_become_a_list() {
        let error = LunoraError::bad_request("no").with_hint("a").with_hint("b");
        assert!(error.to_body().to_json().contains(r#""hint":["a","b"]"#));
    }
}
