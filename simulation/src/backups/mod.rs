//! The workload of backups: rows that move, operators who write past the functions, snapshots and
//! restores, all among faults.

pub(crate) mod app;
#[cfg(not(target_arch = "wasm32"))]
mod operator;
#[cfg(not(target_arch = "wasm32"))]
mod snapshot;
#[cfg(not(target_arch = "wasm32"))]
mod workload;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::workload::run;
