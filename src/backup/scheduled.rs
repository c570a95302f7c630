//! What triggers start: a snapshot, and the rest of one.

use super::{Backups, Manifest, unfinished::Budget};
use crate::{
    errors::{Code, LunoraError},
    platform::log,
};

/// Why a snapshot is taken, and for which time.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackupOccasion {
    /// The time that the snapshot is for, in milliseconds since 1970.
    pub time_ms: i64,
    /// The trigger, if there is one; retention counts the snapshots of its own trigger only.
    pub cron: Option<String>,
}

impl BackupOccasion {
    /// The trigger `cron` was due at `time_ms`.
    pub fn scheduled(cron: impl Into<String>, time_ms: i64) -> Self {
        Self { time_ms, cron: Some(cron.into()) }
    }

    /// Somebody asked for it at `time_ms`; no retention ever deletes it.
    #[must_use]
    pub fn by_hand(time_ms: i64) -> Self {
        Self { time_ms, cron: None }
    }
}

impl Backups {
    /// What the trigger runs: the rest of what earlier invocations left, and a snapshot; and after
    /// each success what the retention lets go.
    pub(crate) async fn run_scheduled(&self, cron: &str, time_ms: i64) -> Result<(), LunoraError> {
        let (budget, due) = (self.budget(), BackupOccasion::scheduled(cron, time_ms));
        if let Err(error) = self.go_on(&budget, Some(&due)).await {
            log::warn(&format!("an earlier backup was not finished: {}", error.to_log_line()));
        }
        self.run_within(&due, &budget).await
    }

    /// What the trigger of the rest runs.
    pub(crate) async fn run_rest(&self) -> Result<(), LunoraError> {
        self.go_on(&self.budget(), None).await
    }

    /// Takes a snapshot as far as the budget allows. To stop there is a failure only where no trigger
    /// goes on.
    pub(super) async fn run_within(
        &self,
        occasion: &BackupOccasion,
        budget: &Budget,
    ) -> Result<(), LunoraError> {
        let manifest = match self.take_within(occasion, budget).await {
            Ok(manifest) => manifest,
            Err(error)
                if error.code() == Code::BackupUnfinished.as_str()
                    && self.config.resume().is_some() =>
            {
                log::info(error.message());
                return Ok(());
            }
            Err(error) => {
                let message = format!("the backup failed: {}", error.message());
                return Err(LunoraError::custom(
                    error.code().to_owned(),
                    error.status().as_u16(),
                    message,
                )
                .with_source(error));
            }
        };
        let Manifest { file, rows, bytes, .. } = &manifest;
        log::info(&format!("backup {file}: {rows} rows, {bytes} bytes"));
        self.prune_quietly().await;
        Ok(())
    }
}
