//! What the clients of a run know: what they asked for, and what they were told.

use std::collections::BTreeSet;

use lunora::testing::{Answer, Spawned};

/// The operator's token.
pub(crate) const TOKEN: &str = "a-token-for-simulations-only";
/// When the jobs of the application run.
pub(crate) const TICKS: &str = "*/5 * * * *";
/// When snapshots are taken.
pub(crate) const BACKUPS: &str = "0 3 * * *";

/// A write that a client sent, perhaps several times.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) op: String,
    pub(crate) client: usize,
    pub(crate) shard: &'static str,
    pub(crate) path: &'static str,
    pub(crate) args: serde_json::Value,
    /// Whether it carries an id, so that it may be sent again.
    pub(crate) replayable: bool,
    pub(crate) outcome: Outcome,
}

/// What a client knows of its write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It was applied, and this was the answer.
    Applied(Answer),
    /// It was refused, and left nothing behind.
    Refused(String),
    /// No answer came, or one that leaves it open.
    Unknown,
}

/// What all clients of a run know.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) writes: Vec<Write>,
    /// Shards that only strangers named.
    pub(crate) strange: BTreeSet<String>,
    /// Shards that were only ever named in calls that a function refused.
    pub(crate) refused: BTreeSet<String>,
    /// The times at which the job's trigger fired.
    pub(crate) ticks: BTreeSet<u64>,
    /// Snapshots that were asked for, each with the writes that had been acknowledged by then.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Whether a snapshot was ever taken.
    pub(crate) has_snapshot: bool,
    pub(crate) next_op: u64,
}

/// A run of the backup's trigger.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) acknowledged: Vec<String>,
    pub(crate) done: Spawned<Option<Result<(), String>>>,
}

impl Model {
    pub(crate) fn new_op(&mut self) -> String {
        self.next_op += 1;
        format!("op-{}", self.next_op)
    }
}
