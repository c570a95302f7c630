//! The shard's entry in the registry of shards: made before the first row is committed.

use super::{
    announcement::{Stage, unregistered},
    function::Kind,
    instance::Shard,
};
use crate::{
    coordinator::{DurableShardRegistry, ShardRegistry},
    errors::LunoraError,
    log,
    wire::ShardKey,
};

impl Shard {
    /// Opens the database, and announces a shard that has rows and was never announced.
    ///
    /// An unreachable registry fails no call here: the next one tries again, and one that writes
    /// fails before its commit.
    pub(crate) async fn open(&self) -> Result<(), LunoraError> {
        let shard = &*self.inner;
        shard.open()?;
        let (announcement, state) = (&shard.announcement, &shard.state);
        if announcement.stage(state)? != Stage::Behind {
            return Ok(());
        }
        let recorded = match self.announce().await {
            Ok(()) => state.database.atomically(|| announcement.record(state)),
            Err(error) => Err(error),
        };
        match recorded {
            Ok(()) => announcement.note_recorded(),
            Err(error) => warn(&error),
        }
        Ok(())
    }

    /// Runs `work`; if it would have committed the first rows of the shard, announces the shard and
    /// runs it again.
    pub(crate) async fn announced<T>(
        &self,
        work: impl Fn() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        let announcement = &self.inner.announcement;
        // A refused write within an action may have set the flag.
        announcement.take_wanted();
        let result = work();
        if !announcement.take_wanted() {
            return result;
        }
        self.announce().await?;
        work()
    }

    /// Announces the shard before an action runs, which may write and cannot be run twice. If that
    /// fails, the action runs, and its writes fail.
    pub(crate) async fn announce_before_action(&self) -> Result<(), LunoraError> {
        let shard = &*self.inner;
        let writes =
            || shard.definition.functions.iter().any(|(_, it)| it.kind() == Kind::Mutation);
        if matches!(shard.announcement.stage(&shard.state)?, Stage::Empty | Stage::Behind)
            && writes()
            && let Err(error) = self.announce().await
        {
            warn(&error);
        }
        Ok(())
    }

    async fn announce(&self) -> Result<(), LunoraError> {
        self.register().await.map_err(|error| {
            // The registry will refuse the same announcement again.
            let refused = error.status().is_client_error();
            if refused { error } else { unregistered().with_source(error) }
        })?;
        self.inner.announcement.note_registered();
        Ok(())
    }

    async fn register(&self) -> Result<(), LunoraError> {
        let shard = &*self.inner;
        let Some(binding) = shard.definition.registry else {
            return Ok(());
        };
        let registry = DurableShardRegistry::new(shard.state.host().namespace(binding)?);
        if let Some(jurisdiction) = shard.definition.jurisdiction {
            registry.bind(jurisdiction);
        }
        let key = ShardKey::new(shard.state.key())?;
        for table in &shard.state.tables {
            registry.register(table.name, &key).await?;
        }
        Ok(())
    }
}

fn warn(error: &LunoraError) {
    log::warn(&format!("the shard was not announced and will try again: {}", error.to_log_line()));
}
