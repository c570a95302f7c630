//! The errors of a build. Each message names the fix if there is one.

use std::path::PathBuf;

/// The error of a build. The message names the fix if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Run {
        /// The program.
        program: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A program ran and failed; it has printed the reason.
    #[error("`{program}` failed ({status})")]
    Failed {
        /// The program with the arguments that matter.
        program: String,
        /// The exit status.
        status: std::process::ExitStatus,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// `cargo metadata` printed something unexpected.
    #[error("cannot read the output of `cargo metadata`: {0}")]
    Metadata(#[from] serde_json::Error),
    /// The manifest names no package: it is that of a workspace.
    #[error("{} is not the manifest of a package; name the manifest of the Worker's crate", .0.display())]
    NotAPackage(PathBuf),
    /// The crate has no library to turn into a Worker.
    #[error(
        "the package `{0}` has no cdylib; add to its Cargo.toml:\n\n    [lib]\n    crate-type = [\"cdylib\"]\n"
    )]
    NoCdylib(String),
    /// The target is not installed.
    #[error("the wasm32 target is missing; run `rustup target add wasm32-unknown-unknown`")]
    NoTarget,
    /// The crate's wasm-bindgen is not the one this tool reads.
    #[error(
        "Cargo.lock has wasm-bindgen {found}, but this lunora-build reads {expected}; add \
         `wasm-bindgen = \"={expected}\"` to the [dependencies] of Cargo.toml"
    )]
    BindgenVersion {
        /// The version in the lock file.
        found: String,
        /// The version of `wasm-bindgen-cli-support` in this tool.
        expected: &'static str,
    },
    /// The crate does not depend on wasm-bindgen.
    #[error("Cargo.lock has no wasm-bindgen; run `cargo add worker`")]
    NoBindgen,
    /// wasm-bindgen refused the module.
    #[error("wasm-bindgen: {0}")]
    Bindgen(String),
    /// The JavaScript of wasm-bindgen is not what this tool knows how to extend.
    #[error(
        "the generated index.js does not contain `{0}` exactly once; lunora-build and wasm-bindgen do not \
         match; use the versions of one release"
    )]
    Glue(&'static str),
    /// A change of stored documents that no migration covers.
    #[error("{0}")]
    Schema(String),
    /// The schema lock is not what the build would write.
    #[error(
        "{} is not up to date, and a build with `CI` set does not write it; run `lunora build` on your machine, \
         and commit it", .0.display()
    )]
    SchemaStale(PathBuf),
    /// The schema lock cannot be read.
    #[error("{}: {source}; take the file from the version control", path.display())]
    SchemaLock {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// The module does not say how its documents look.
    #[error("cannot find out how the documents of {} look: {reason}", path.display())]
    Layout {
        /// The module.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// The functions of the module cannot be brought into another order.
    #[error("cannot reorder the functions of {}: {reason}", path.display())]
    Order {
        /// The module.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// An option is unknown, or its value is missing.
    #[error("{0}\n\n{usage}", usage = crate::build::USAGE)]
    Usage(String),
}
