//! A workload over a simulated deployment, and the rules that must hold at every quiet point.
//!
//! [`run`] is the test of one seed: clients write, subscribe, reconnect and retry while requests get
//! lost and processes die. `cargo xtask simulate` runs it over many seeds.

mod app;
mod model;
mod rules;
mod session;
mod workload;

pub use crate::workload::run;
