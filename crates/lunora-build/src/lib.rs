//! Builds a [workers-rs] crate for workerd: the Rust library that `lunora-build`, the command, wraps.
//!
//! ```no_run
//! let output = lunora_build::Build::new("examples/chat").run()?;
//! println!("{}: {}", output.dir.display(), output.wasm);
//! # Ok::<(), lunora_build::Error>(())
//! ```
//!
//! The result, in `<crate>/build/`, is a set of ES modules that `wrangler` and Miniflare accept
//! unchanged. `shim.js` is the entry point: name it as `main` in `wrangler.jsonc`.
//!
//! Only cargo is required. `wasm-opt` runs if it is found: in the `node_modules` of the crate or of a
//! folder above it (`npm install --save-dev binaryen`), or at the path in the environment variable
//! `WASM_OPT_BIN`.
//!
//! # Panics are contained
//!
//! On the stable toolchain a panic in wasm is a trap. One wasm instance serves all calls of an
//! isolate, so an uncontained panic leaves every call in flight without an answer. The generated entry
//! point answers them all at once, with a plain 500, and serves the next call from a new instance.
//! `contain.js` shows how.
//!
//! # Stored documents stay readable
//!
//! A release build compares the types of the tables with `lunora.schema.lock`, and fails if stored documents
//! could not be read and no migration brings them along. [`SchemaLock`] has the choices.
//!
//! [workers-rs]: https://docs.rs/worker

mod build;
mod cargo;
mod compact;
mod error;
mod exports;
mod glue;
mod optimize;
mod order;
mod reuse;
mod schema;
mod shim;

pub use build::{Build, Output};
pub use error::Error;
pub use optimize::{Size, WasmOpt};
pub use schema::SchemaLock;
