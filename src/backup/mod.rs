//! Snapshots of every row of every shard: scheduled, verified, restored and pruned.

mod claim;
mod config;
mod continuity;
mod counts;
mod deployment;
mod drill;
mod failure;
mod globals;
#[cfg(feature = "admin")]
mod known;
mod latest;
mod lease;
mod manifest;
mod part_size;
mod plan;
mod proof;
mod prune;
mod publish;
mod restore;
mod retention;
mod run;
mod scheduled;
mod segments;
mod snapshots;
mod status;
mod summary;
mod targets;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
mod tests;
mod unfinished;
mod verification;
mod writer;

#[cfg(feature = "admin")]
pub(crate) use self::known::KnownShards;
use self::manifest::SnapshotName;
pub use self::{
    config::BackupConfig,
    drill::{DrillProblem, DrillReport, DrillStatus, LastDrill},
    lease::{RestoreLease, RestoreState},
    manifest::{GlobalPart, LeftOut, Manifest, ManifestShard, Segment},
    part_size::{PartSize, PartTooSmall},
    plan::{RestorePlan, ShardPlan},
    prune::{PruneReport, RetentionReport},
    restore::{RestoreCursor, RestoreReport, RestoreRequest},
    retention::{Retention, RetentionOfZero},
    scheduled::BackupTrigger,
    snapshots::Backups,
    status::BackupStatus,
    summary::SnapshotSummary,
    unfinished::UnfinishedRun,
    verification::Verification,
};
