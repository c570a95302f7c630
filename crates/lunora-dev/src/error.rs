//! The errors of serving a Worker, and of generating its typed client. Each message names the fix if there is one.

use std::{io, path::PathBuf};

use lunora_codegen::Problem;

/// A server that could not be started, or that stopped, or a typed client that could not be generated. The message names the fix if there is one.
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
    /// Cargo, or a test that it compiled, could not be started.
    #[error("cannot run cargo: {0}; install Rust from https://rustup.rs")]
    Cargo(#[source] io::Error),
    /// The sources of the crate do not make a typed client.
    #[error("{}", lines(.0))]
    Sources(Vec<Problem>),
    /// The tests of the crate that describe its functions do not compile, or fail.
    #[error("{reason}; {fix}")]
    Tests {
        /// What went wrong.
        reason: String,
        /// How to fix it.
        fix: String,
        /// What a failed test printed.
        output: String,
    },
    /// The typed client was left as it was.
    #[error("{} is not rewritten: {}; `lunora codegen client` shows more", place.display(), first_line(source))]
    NotTyped {
        /// The folder of the client, or its only file.
        place: PathBuf,
        /// The cause.
        source: Box<Error>,
    },
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

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn first_line(error: &Error) -> String {
    match error {
        Error::Tests { reason, .. } => reason.clone(),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
