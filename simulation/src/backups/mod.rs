//! The workload of backups: rows that move, operators who write past the functions, snapshots and
//! restores, all among faults.

mod app;
mod operator;
mod snapshot;
mod workload;

pub(crate) use self::workload::run;
