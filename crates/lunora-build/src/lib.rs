//! Builds a [workers-rs] crate for workerd: the Rust library that `lunora-build`, the command, wraps.
//!
//! ```no_run
//! let output = lunora_build::Build::new("examples/chat").run()?;
//! println!("{}: {}", output.dir.display(), output.wasm);
//! # Ok::<(), lunora_build::Error>(())
//! ```
//!
//! The result, in `<crate>/build/`, is a set of ES modules which `wrangler` and Miniflare take as
//! they are. `shim.js` is the entry point: name it as `main` in `wrangler.jsonc`.
//!
//! Nothing but cargo is needed. `wasm-opt` is used where it is found: in the `node_modules` of the
//! crate or of a folder above it (`npm install --save-dev binaryen`), or where the environment
//! variable `WASM_OPT_BIN` says.
//!
//! # Panics are contained
//!
//! On the stable toolchain a panic in wasm is a trap. One wasm instance serves all calls of an
//! isolate, so without care a panic takes every call in flight with it, and none of them is ever
//! answered. The entry point made here answers them all at once, with a plain 500, and serves the
//! next call from a new instance. See `contain.js` for how.
//!
//! [workers-rs]: https://docs.rs/worker

mod build;
mod cargo;
mod error;
mod exports;
mod glue;
mod optimize;
mod reuse;
mod shim;

pub use build::{Build, Output};
pub use error::Error;
pub use optimize::{Size, WasmOpt};
