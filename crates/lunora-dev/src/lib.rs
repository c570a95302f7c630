//! Serves a Worker's crate on workerd during development: the Rust library behind `lunora dev`.
//!
//! ```no_run
//! lunora_dev::Dev::new("examples/chat").port(8787).run()?;
//! # Ok::<(), lunora_dev::Error>(())
//! ```
//!
//! The crate is built, served, and rebuilt whenever a file changes that the build or the server reads.
//! After a failed build the last good one is still served. Durable Objects, R2, KV and D1 are on local
//! disk; neither an account nor a network is needed.
//!
//! A crate with a typed client in `client/` has it rewritten after each build, by [`TypedClient`].
//!
//! workerd comes from npm, with [Miniflare]: that of the crate's own `node_modules` (`wrangler` brings
//! it), or one that is installed once in the user's cache folder.
//!
//! [Miniflare]: https://developers.cloudflare.com/workers/testing/miniflare/

mod client;
mod dev;
mod error;
mod runtime;
mod server;
mod types;
mod watch;

pub use self::{
    client::{Api, TypedClient},
    dev::Dev,
    error::Error,
    runtime::{OLDEST_NODE, check_node},
};
