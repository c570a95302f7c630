//! The errors of calls.

use std::{fmt, time::Duration};

use crate::value::Value;

/// An error of any source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a call failed.
///
/// Neither its `Debug` nor its `Display` has the token of the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The deployment answered with an error.
    #[error(transparent)]
    Server(#[from] Box<ServerError>),
    /// No answer came.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// An answer has another form than the call expects.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The call cannot be made as it is written. The message says how to fix it.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Returns the code of an error of the deployment.
    ///
    /// ```
    /// use lunora_client::Error;
    ///
    /// fn is_signed_out(error: &Error) -> bool {
    ///     matches!(error.code(), Some("UNAUTHORIZED" | "TOKEN_EXPIRED"))
    /// }
    /// # assert!(!is_signed_out(&Error::Usage("no".into())));
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.code),
            _ => None,
        }
    }

    /// Tells whether the same request may succeed later: no answer of the deployment came, or one that asks to
    /// retry.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Server(error) => RETRYABLE.contains(&&*error.code),
            Self::Transport(_) => true,
            Self::Decode(error) => error.status >= 500 || error.status == 429,
            Self::Usage(_) => false,
        }
    }

    /// Tells whether the deployment rejected the credential.
    pub(crate) fn is_of_token(&self) -> bool {
        matches!(self.code(), Some("UNAUTHORIZED" | "TOKEN_EXPIRED"))
    }

    /// Returns how long the deployment asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server(error) => error.retry_after,
            _ => None,
        }
    }
}

const RETRYABLE: [&str; 4] =
    ["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"];

/// An error that a deployment answered. Compare `code`, not `message`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct ServerError {
    /// Identifies the kind of the failure, such as `FORBIDDEN`.
    pub code: String,
    /// Says what went wrong.
    pub message: String,
    /// Holds what the function attached to its error.
    pub data: Option<Value>,
    /// Says how to fix the cause.
    pub hint: Option<String>,
    /// Links to the documentation of the code.
    pub docs_url: Option<String>,
    /// Holds the HTTP status.
    pub status: u16,
    /// Holds how long the deployment asks to wait.
    pub retry_after: Option<Duration>,
}

/// The request was not answered: the connection failed, or time ran out.
#[derive(Debug)]
pub struct TransportError(Reason);

#[derive(Debug)]
enum Reason {
    Timeout(Duration),
    Failed(BoxError),
}

impl TransportError {
    /// Wraps what a transport reports. Its text must not have the headers of the request.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self(Reason::Failed(source.into()))
    }

    pub(crate) fn timeout(after: Duration) -> Self {
        Self(Reason::Timeout(after))
    }

    /// Tells whether the time of the call ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Reason::Timeout(_))
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Timeout(after) => write!(f, "no answer within {} ms", after.as_millis()),
            Reason::Failed(source) => {
                write!(f, "no answer: {source}")?;
                let mut cause = source.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for TransportError {}

/// An answer has another form than the call expects.
#[derive(Debug, thiserror::Error)]
#[error("unexpected response {status}: {reason}")]
pub struct DecodeError {
    status: u16,
    reason: String,
}

impl DecodeError {
    pub(crate) fn new(status: u16, reason: impl fmt::Display) -> Self {
        Self { status, reason: reason.to_string() }
    }

    /// Returns the HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }
}
