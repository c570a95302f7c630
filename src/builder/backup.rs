//! The setters of backups.

use super::{
    Builder,
    state::{SetBackup, SetSharding, State, once},
};
#[cfg(feature = "admin")]
use crate::admin::{AdminArea, BackupRoutes};
use crate::{backup::BackupConfig, coordinator::Sharding, pipeline::backup, platform::ObjectStore};

/// Setters of backups.
impl<S: State, E: 'static> Builder<S, E> {
    /// Backs every shard up on a schedule. Needs [`admin_token`](Self::admin_token),
    /// [`query_coordinator`](Self::query_coordinator), and shards that announce themselves
    /// ([`shard_do`](Self::shard_do)).
    ///
    /// When the backup's trigger fires, [`Lunora::scheduled`](crate::Lunora::scheduled) writes a
    /// snapshot: every row of every shard, or nothing and an error. Then retention, if configured,
    /// deletes old snapshots of the same trigger.
    pub fn backup(self, backup: BackupConfig<impl ObjectStore>) -> Builder<SetBackup<S>, E>
    where
        S::Backup: once::Backup,
    {
        self.maybe_backup(Some(backup))
    }

    /// Does what [`backup`](Self::backup) does, for a backup that only some deployments have. The
    /// requirements of a backup apply in either case.
    pub fn maybe_backup(
        mut self,
        backup: Option<BackupConfig<impl ObjectStore>>,
    ) -> Builder<SetBackup<S>, E>
    where
        S::Backup: once::Backup,
    {
        self.settings.backup = backup.map(|config| (config.erased(), backup::run::<E> as _));
        #[cfg(feature = "admin")]
        if self.settings.backup.is_some() {
            self.settings.admin.attach(AdminArea::Backups, BackupRoutes);
        }
        self.advance()
    }

    /// Sets which field of a table's documents names their shard, to place imported rows. Default:
    /// what [`shard_by`](crate::shard::Table::shard_by) of each table of a class says, given to
    /// [`shard_do`](Self::shard_do) as `Room::shards(..)`; rows of other tables go to the default
    /// shard.
    pub fn sharding(mut self, sharding: Sharding) -> Builder<SetSharding<S>, E>
    where
        S::Sharding: once::Sharding,
    {
        self.settings.sharding = sharding.or(std::mem::take(&mut self.settings.sharding));
        self.advance()
    }
}
