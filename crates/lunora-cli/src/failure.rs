//! The errors of commands.

use std::{io, path::Path};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The deployment refused.
    #[error("{code}: {message}")]
    Refused { code: String, message: String, hint: Option<String> },
    /// The deployment cannot be reached, or the connection broke.
    #[error("{url}: {source}")]
    Unreachable { url: String, source: Box<ureq::Error> },
    /// A response ended before its end.
    #[error("the response ended early: {0}; nothing was kept")]
    BrokenOff(io::Error),
    /// An export is incomplete: its end line is missing or does not match.
    #[error("the export is incomplete: {0}; nothing was kept")]
    NotWhole(String),
    /// A response that did not come from a deployment.
    #[error("{0}")]
    Unexpected(String),
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    /// A crate on this machine could not be built or served.
    #[error("{0}")]
    Project(String),
    /// The command line is invalid.
    #[error("{0}")]
    Usage(String),
    /// The user did not confirm, or could not be asked.
    #[error("{0}")]
    NotConfirmed(String),
}

impl From<lunora_client::Error> for Failure {
    fn from(error: lunora_client::Error) -> Self {
        match error {
            lunora_client::Error::Server(error) => {
                let lunora_client::ServerError { code, message, hint, .. } = *error;
                Self::Refused { code, message, hint }
            }
            lunora_client::Error::Usage(message) => Self::Usage(message),
            other => Self::Unexpected(other.to_string()),
        }
    }
}

impl Failure {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.display().to_string(), source }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::NotConfirmed(_) => 4,
            _ => 1,
        }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::Unreachable { .. } => {
                Some("set --url or LUNORA_URL to the address of the deployment")
            }
            _ => None,
        }
    }
}
