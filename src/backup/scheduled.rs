//! The work that triggers start: a snapshot, and the rest of one.

use super::{Backups, Manifest, unfinished::Budget};
use crate::{
    errors::{Code, LunoraError},
    log,
};

/// The reason for which a snapshot is taken, and its time.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackupTrigger {
    /// The time that the snapshot is for, in milliseconds since 1970.
    pub time_ms: i64,
    /// The trigger, if there is one; retention only counts the snapshots of its own trigger.
    pub cron: Option<String>,
}

impl BackupTrigger {
    /// Creates the trigger of a trigger `cron` that was due at `time_ms`.
    pub fn scheduled(cron: impl Into<String>, time_ms: i64) -> Self {
        Self { time_ms, cron: Some(cron.into()) }
    }

    /// Creates the trigger of a manual snapshot at `time_ms`; retention never deletes it.
    #[must_use]
    pub fn manual(time_ms: i64) -> Self {
        Self { time_ms, cron: None }
    }
}

impl Backups {
    /// Runs the trigger: finishes what earlier invocations left, takes a snapshot, and applies
    /// retention after each success.
    pub(crate) async fn run_scheduled(&self, cron: &str, time_ms: i64) -> Result<(), LunoraError> {
        let (budget, due) = (self.budget(), BackupTrigger::scheduled(cron, time_ms));
        if let Err(error) = self.go_on(&budget, Some(&due)).await {
            log::warn(&format!("an earlier backup was not finished: {}", error.to_log_line()));
        }
        self.run_within(&due, &budget).await
    }

    /// Runs the trigger that resumes unfinished runs.
    pub(crate) async fn run_rest(&self) -> Result<(), LunoraError> {
        self.go_on(&self.budget(), None).await
    }

    /// Takes a snapshot as far as the budget allows. Stopping there is a failure only if no trigger
    /// continues the run.
    pub(super) async fn run_within(
        &self,
        trigger: &BackupTrigger,
        budget: &Budget,
    ) -> Result<(), LunoraError> {
        let manifest = match self.take_within(trigger, budget).await {
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
