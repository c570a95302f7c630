//! What things cost natively, each beside the way that serde alone offers. `cargo xtask bench native`.

#![allow(missing_docs, clippy::unwrap_used, reason = "it is no library")]

mod codecs;
mod fan_out;
mod request;
mod shards;

fn main() {
    divan::main();
}
