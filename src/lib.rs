//! A typestate builder that turns a Cloudflare Worker into a sharded, real-time backend.

pub mod wire;
mod pipeline;
