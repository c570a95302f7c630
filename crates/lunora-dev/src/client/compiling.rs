//! The tests of a crate, as cargo compiles them.

use std::{
    env,
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::Error;

/// A compilation of the tests of a crate's library. Dropping it ends cargo.
#[derive(Debug)]
pub(crate) struct Compiling {
    cargo: Child,
    /// What cargo tells of its artifacts. Not a pipe, which would fill up unread.
    messages: File,
}

impl Compiling {
    /// Starts cargo, whose progress and errors go to `stderr`.
    ///
    /// It shares the build directory and the profile with `cargo test`, so that no dependency is compiled
    /// twice.
    pub(super) fn start(krate: &Path, stderr: Stdio) -> Result<Self, Error> {
        let messages = tempfile::tempfile().map_err(temporary)?;
        let output = messages.try_clone().map_err(temporary)?;
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["test", "--lib", "--no-run", "--features", "lunora/schema"]);
        cargo.arg("--message-format=json-render-diagnostics").current_dir(krate);
        let cargo = cargo.stdin(Stdio::null()).stdout(output).stderr(stderr).spawn();
        Ok(Self { cargo: cargo.map_err(Error::Cargo)?, messages })
    }

    /// Returns whether cargo has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.cargo.try_wait(), Ok(None))
    }

    /// Waits for cargo, and returns the program of the tests.
    pub(super) fn finish(mut self) -> Result<PathBuf, Error> {
        let status = self.cargo.wait().map_err(Error::Cargo)?;
        let mut text = String::new();
        self.messages.rewind().map_err(temporary)?;
        self.messages.read_to_string(&mut text).map_err(temporary)?;
        let program = text.lines().rev().find_map(executable);
        program.filter(|_| status.success()).ok_or(Error::Tests {
            reason: "cargo cannot build the tests of the crate".into(),
            fix: "fix what cargo reports. A crate whose types derive `schemars::JsonSchema` depends on \
                  `schemars` 1, and every type of their fields derives it too"
                .into(),
            output: String::new(),
        })
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}

/// Reads the program that a message of cargo names.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    message["executable"].as_str().filter(|_| is_test).map(PathBuf::from)
}

pub(super) fn temporary(source: io::Error) -> Error {
    Error::File { path: env::temp_dir(), source }
}
