//! `cargo xtask dev`: the example on workerd, following every change of what it is made of.

use anyhow::{Context, Result, bail};
use lunora_dev::Dev;

use crate::{build, node, shell::root};

/// Reads the command line after `dev`.
///
/// # Errors
///
/// For an option that is unknown, or lacks its value.
pub(crate) fn parse(mut args: &[&str]) -> Result<Dev> {
    // As the tool would be called here, where it need not be installed.
    let dev = Dev::new(build::example()).runtime(root().join("e2e")).state(root().join(".state"));
    let mut dev = dev.tool("cargo run -q -p lunora-cli --");
    loop {
        (dev, args) = match args {
            ["--release", rest @ ..] => (dev.release(true), rest),
            ["--port", port, rest @ ..] => {
                let number = port.parse().with_context(|| format!("`{port}` is not a port"))?;
                (dev.port(number), rest)
            }
            [] => return Ok(dev),
            [unknown, ..] => bail!("unknown option `{unknown}`; `dev` takes --port and --release"),
        };
    }
}

/// Serves the example until it is stopped.
///
/// # Errors
///
/// When a tool is missing, or the server stops with an error.
pub(crate) fn run(dev: Dev) -> Result<()> {
    build::install_target()?;
    node::install()?;
    Ok(dev.run()?)
}
