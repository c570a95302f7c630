//! A workload over a simulated deployment, and the rules that must hold at every quiet point.
//!
//! [`run`] is the test of one seed: clients write, subscribe, reconnect and retry while requests get
//! lost and processes die. `cargo xtask simulate` runs it over many seeds. The same application is
//! a Worker, over which `e2e/simulation.test.mjs` runs the [`script`]s of some seeds on workerd.

mod app;
#[cfg(not(target_arch = "wasm32"))]
mod backups;
#[cfg(not(target_arch = "wasm32"))]
mod model;
#[cfg(not(target_arch = "wasm32"))]
mod rules;
#[cfg(not(target_arch = "wasm32"))]
mod script;
#[cfg(not(target_arch = "wasm32"))]
mod session;
#[cfg(not(target_arch = "wasm32"))]
mod workload;

#[cfg(not(target_arch = "wasm32"))]
pub use crate::script::{Script, script};

/// Runs the workload that the seed decides: one in four is that of backups.
///
/// # Panics
/// If a rule does not hold.
#[cfg(not(target_arch = "wasm32"))]
pub fn run(world: &lunora::testing::World, operations: u32) {
    match world.choose(4) {
        3 => backups::run(world, operations),
        _ => workload::run(world, operations),
    }
}

lunora::serve!(|env: &lunora::Env| app::app(env));
