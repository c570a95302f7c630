//! Scheduled backups, and the operations of operators on all shards.

use futures::future::LocalBoxFuture;

use super::Lunora;
use crate::{
    backup::{BackupConfig, Backups},
    coordinator::{QueryCoordinator, ShardAdmin},
    errors::{Code, LunoraError},
    platform::ScheduledEvent,
    wire::AdminToken,
};

/// The tasks that the triggers of a backup start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BackupTask {
    Snapshot,
    /// The rest of a snapshot that another invocation began.
    Rest,
    Drill,
}

impl BackupTask {
    /// Returns the tasks that a trigger starts.
    pub(super) fn of_trigger(config: &BackupConfig, cron: &str) -> impl Iterator<Item = Self> {
        let snapshot = (config.cron().as_str() == cron).then_some(Self::Snapshot);
        // A run of the backup's own trigger begins with the rest of the previous one.
        let rest = config.resume().filter(|resume| resume.as_str() == cron).map(|_| Self::Rest);
        let drill = config.drill().filter(|drill| drill.as_str() == cron).map(|_| Self::Drill);
        snapshot.or(rest).into_iter().chain(drill)
    }
}

/// Runs a task of a backup. It is chosen only if a backup is configured, so that a Worker without
/// one does not link the engine.
pub(crate) type BackupRunner<E> = for<'a> fn(
    &'a Lunora<E>,
    &'a BackupConfig,
    BackupTask,
    &'a ScheduledEvent,
) -> LocalBoxFuture<'a, Result<(), LunoraError>>;

impl<E> Lunora<E> {
    /// Returns the snapshots of this deployment, or `None` without
    /// [`backup`](crate::builder::Builder::backup).
    #[must_use]
    pub fn backups(&self) -> Option<Backups> {
        let (config, _) = self.settings.backup.as_ref()?;
        self.backups_by(config, self.settings.admin_token.as_ref()?)
    }

    /// Returns the snapshots that `config` writes, with `token` for the hop to a shard.
    pub(super) fn backups_by(&self, config: &BackupConfig, token: &AdminToken) -> Option<Backups> {
        let coordinator = self.settings.query_coordinator.clone()?;
        let backups = Backups::over(config.clone(), self.shard_admin(coordinator, token));
        let backups = backups.with_clock(self.settings.clock.clone());
        Some(backups.sharding(self.settings.sharding.clone()))
    }

    /// Returns the admin operations of every shard.
    pub(super) fn shard_admin(
        &self,
        coordinator: QueryCoordinator,
        token: &AdminToken,
    ) -> ShardAdmin {
        let admin = ShardAdmin::over(coordinator, self.shards.clone(), token);
        #[cfg(feature = "admin")]
        let admin = admin.with_globals(self.settings.admin.globals.clone());
        admin
            .placement(self.settings.placement.clone())
            .default_shard(self.settings.default_shard_key.clone())
    }
}

/// Runs a backup task; the only [`BackupRunner`].
pub(crate) fn run<'a, E>(
    app: &'a Lunora<E>,
    config: &'a BackupConfig,
    task: BackupTask,
    event: &'a ScheduledEvent,
) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
    Box::pin(async move {
        let token = app.settings.admin_token.as_ref();
        let backups = token.and_then(|token| app.backups_by(config, token)).ok_or_else(|| {
            LunoraError::new(
                Code::BackupNotConfigured,
                "a backup needs an admin token and a query coordinator",
            )
        })?;
        match task {
            BackupTask::Snapshot => {
                backups.run_scheduled(event.cron(), event.scheduled_time_ms()).await
            }
            BackupTask::Rest => backups.run_rest().await,
            BackupTask::Drill => backups.run_scheduled_drill().await,
        }
    })
}
