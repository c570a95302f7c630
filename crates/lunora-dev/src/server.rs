//! The Node process with workerd below it.

use std::{
    io::{self, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{Dev, Error};

/// The program that Node runs. It exports `main`, and the tests of the repository use its parts.
const PROGRAM: &str = concat!(include_str!("server.mjs"), "\nawait main(process.argv[1]);\n");

pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts the server with the build on disk, under a configuration.
    pub(crate) fn start(dev: &Dev, runtime: &Path, config: &Value) -> Result<Self, Error> {
        let options = json!({
            "dir": dev.dir,
            "port": dev.port,
            "state": dev.state,
            "runtime": runtime,
            "tool": dev.tool,
        });
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", PROGRAM, &options.to_string()]);
        // It reads configurations there, and stops where this process is gone.
        let child = command.stdin(Stdio::piped()).spawn().map_err(Error::Server)?;
        let mut server = Self { child };
        server.serve(config)?;
        Ok(server)
    }

    /// Serves the build on disk, under a configuration.
    pub(crate) fn serve(&mut self, config: &Value) -> Result<(), Error> {
        let closed = || Error::Server(io::ErrorKind::BrokenPipe.into());
        let stdin = self.child.stdin.as_mut().ok_or_else(closed)?;
        stdin.write_all(format!("{config}\n").as_bytes()).map_err(Error::Server)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Returns an error if it ended with a failure.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let status = self.child.wait().map_err(Error::Server)?;
        if status.success() { Ok(()) } else { Err(Error::Stopped(status)) }
    }
}
