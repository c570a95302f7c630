//! The errors of serving a Worker. Each message names the fix if there is one.

use std::{io, path::PathBuf};

use lunora_codegen::Problem;

/// A server that could not be started, or that stopped. The message names the fix if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The build failed.
    #[error(transparent)]
    Build(#[from] lunora_build::Error),
    /// The configuration of the Worker cannot be read.
    #[error("{0}")]
    Config(Problem),
    /// Node is missing or too old.
    #[error("Node {oldest} or newer is required{found}; see https://nodejs.org", oldest = crate::OLDEST_NODE)]
    Node {
        /// The version found: empty, or `, found v18.0.0`.
        found: String,
    },
    /// Miniflare could not be installed.
    #[error(
        "cannot install Miniflare with npm ({0}); or run `npm install --save-dev wrangler` in the crate"
    )]
    Install(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The server could not be started or spoken to.
    #[error("cannot reach the server: {0}")]
    Server(#[source] io::Error),
    /// The server ended by itself; it has printed the reason.
    #[error("the server stopped ({0})")]
    Stopped(std::process::ExitStatus),
}
