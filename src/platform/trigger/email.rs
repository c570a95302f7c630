//! Received e-mails.

use std::fmt;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{errors::LunoraError, message::Body};

/// An e-mail that the platform received for the Worker.
///
/// An e-mail that a handler neither forwards nor rejects is accepted and dropped.
pub struct Email {
    from: String,
    to: String,
    headers: HeaderMap,
    size: u64,
    raw: Body,
    host: Box<dyn EmailHost>,
}

/// The platform's side of a received e-mail.
pub trait EmailHost: 'static {
    /// Forwards the e-mail to a verified address.
    fn forward<'a>(&'a self, to: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>>;

    /// Rejects the e-mail with a permanent error.
    fn reject<'a>(&'a self, reason: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

impl Email {
    /// Returns an e-mail with an empty content, as its envelope names sender and recipient.
    pub fn new(from: impl Into<String>, to: impl Into<String>, host: impl EmailHost) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            headers: HeaderMap::new(),
            size: 0,
            raw: Body::empty(),
            host: Box::new(host),
        }
    }

    /// Adds a header. A name or value that HTTP cannot carry is omitted.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_ref()))
        {
            self.headers.append(name, value);
        }
        self
    }

    /// Sets the raw content, headers included, and its size in bytes.
    #[must_use]
    pub fn with_raw(self, raw: impl Into<Body>, size: u64) -> Self {
        Self { raw: raw.into(), size, ..self }
    }

    /// Returns the sender of the envelope.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Returns the recipient of the envelope.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Returns a header that is text, such as `subject`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the size of the raw content, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the raw content, headers included: a second call returns nothing.
    ///
    /// # Errors
    /// 413 `PAYLOAD_TOO_LARGE` if it has more than `limit` bytes; if the platform fails.
    pub async fn raw(&mut self, limit: usize) -> Result<Bytes, LunoraError> {
        Ok(std::mem::take(&mut self.raw).into_bytes(limit).await?)
    }

    /// Forwards the e-mail to a verified address of the account.
    ///
    /// # Errors
    /// If the platform refuses it, for example because the address is not verified.
    pub async fn forward(&self, to: &str) -> Result<(), LunoraError> {
        self.host.forward(to).await
    }

    /// Rejects the e-mail: its sender gets a permanent SMTP error with `reason`.
    ///
    /// # Errors
    /// If the platform refuses the reason.
    pub async fn reject(&self, reason: &str) -> Result<(), LunoraError> {
        self.host.reject(reason).await
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("size", &self.size).finish_non_exhaustive()
    }
}
