//! What must not grow unseen: sizes and crossings, which no machine makes better or worse.
//!
//! The allocations of a request have theirs in `tests/allocations.rs`.

use anyhow::{Context, Result, ensure};

use crate::{
    bench::{
        contenders::{self, CONTENDERS},
        crossings,
    },
    build,
    shell::root,
    size,
};

/// A Worker, and the most that its wasm may have after gzip, in bytes, once wasm-opt ran.
const SIZES: [(&str, u64); 2] = [("examples/chat", 840_000), ("bench/minimal", 168_000)];

/// The most that features which a Worker does not use may add to it together, in bytes after gzip: a request
/// still asks whether they are configured.
const IDLE: u64 = 512;

/// The most calls between JavaScript and wasm that one small call to a shard may take: memory for the
/// request, the plan, and the release of the plan's text.
const CROSSINGS: f64 = 3.0;

/// Builds what has a budget, and fails where it is exceeded.
///
/// # Errors
/// When something is over its budget; the message names both.
pub(crate) fn check() -> Result<()> {
    for (name, budget) in SIZES {
        let size = build::one(&root().join(name), true)?.wasm.gzip;
        let size = size.context("a release build measures gzip")?;
        ensure!(size <= budget, "{name}: {size} bytes after gzip, the budget is {budget}");
    }
    let [idle, without] = [size::gzip(&["idle"])?, size::gzip(&[])?];
    println!("Features that nothing uses: {idle} bytes after gzip, {without} without them.");
    ensure!(
        idle <= without + IDLE,
        "features that nothing uses cost {} bytes",
        idle.saturating_sub(without)
    );
    build::one(&root().join("bench/rpc"), true)?;
    let lunora = CONTENDERS.iter().find(|contender| contender.letter == 'd');
    let profiles = contenders::profiles();
    let small = profiles.first().context("there is a smallest call")?;
    let counted = crossings::count(lunora.context("lunora is measured")?, small)?.total();
    println!("A call crosses between JavaScript and wasm {counted:.1} times.");
    ensure!(counted <= CROSSINGS, "{counted} crossings a call, the budget is {CROSSINGS}");
    Ok(())
}
