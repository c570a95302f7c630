//! The shard's entry in the registry of shards: made before the first row is committed.

use std::cell::Cell;

use super::{
    database::{text, to_text},
    function::Kind,
    shard::{Inner, Shard},
    tracking::Commit,
};
use crate::{
    coordinator::{DurableShardRegistry, ShardRegistry},
    errors::{Code, LunoraError},
    log, sort,
    wire::ShardKey,
};

/// The progress of this object's announcement.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    /// The database has not been read since the object woke.
    #[default]
    Unread,
    /// The registry may lack the shard, which has no rows.
    Empty,
    /// The registry may lack the shard, which has rows.
    Behind,
    /// The registry has the shard; the database does not record it yet.
    Registered,
    /// The database records that the registry has the shard, or the definition names no registry.
    Recorded,
}

/// The state of the announcement while the object is awake.
#[derive(Debug, Default)]
pub(crate) struct Announcement {
    stage: Cell<Stage>,
    /// `true` if a transaction was rolled back because the registry may lack the shard.
    wanted: Cell<bool>,
}

impl Shard {
    /// Opens the database, and announces a shard that has rows and was never announced.
    ///
    /// An unreachable registry fails no call here: the next one tries again, and one that writes
    /// fails before its commit.
    pub(crate) async fn open(&self) -> Result<(), LunoraError> {
        let shard = &*self.inner;
        shard.open()?;
        if shard.stage()? != Stage::Behind {
            return Ok(());
        }
        let recorded = match self.announce().await {
            Ok(()) => shard.state.database.atomically(|| shard.record_announcement()),
            Err(error) => Err(error),
        };
        match recorded {
            Ok(()) => shard.announcement.stage.set(Stage::Recorded),
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
        // A refused write within an action may have set the flag.
        self.inner.announcement.wanted.set(false);
        let result = work();
        if !self.inner.announcement.wanted.take() {
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
        if matches!(shard.stage()?, Stage::Empty | Stage::Behind)
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
        let stage = &self.inner.announcement.stage;
        if stage.get() != Stage::Recorded {
            stage.set(Stage::Registered);
        }
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

impl Inner {
    /// Refuses to commit rows that the registry may not know of, and records with the first ones
    /// that it does. Called at the end of a transaction, within it.
    pub(crate) fn check_announced(&self, commit: &Commit) -> Result<(), LunoraError> {
        if !commit.wrote() {
            return Ok(());
        }
        match self.announcement.stage.get() {
            Stage::Recorded => Ok(()),
            Stage::Registered => self.record_announcement(),
            Stage::Unread if self.is_announcement_recorded()? => Ok(()),
            Stage::Unread | Stage::Empty | Stage::Behind => {
                self.announcement.wanted.set(true);
                Err(unregistered())
            }
        }
    }

    /// Records that a transaction has committed.
    pub(crate) fn note_commit(&self, commit: &Commit) {
        if commit.wrote() {
            self.announcement.stage.set(Stage::Recorded);
        }
    }

    /// Drops the record that the registry has the shard, so that the shard announces itself again:
    /// with its next call if it has rows, and otherwise before its first row.
    pub(crate) fn forget_announcement(&self) -> Result<(), LunoraError> {
        let sql = "DELETE FROM \"_lunora_meta\" WHERE \"name\"='announced'";
        self.state.database.atomically(|| self.state.database.exec(sql, &[]).map(drop))?;
        self.announcement.stage.set(Stage::Unread);
        Ok(())
    }

    /// Returns whether a transaction was rolled back so that the shard can be announced first.
    pub(crate) fn wants_announcement(&self) -> bool {
        self.announcement.wanted.get()
    }

    fn stage(&self) -> Result<Stage, LunoraError> {
        let stage = &self.announcement.stage;
        if stage.get() == Stage::Unread {
            stage.set(if self.is_announcement_recorded()? {
                Stage::Recorded
            } else if self.has_rows()? {
                Stage::Behind
            } else {
                Stage::Empty
            });
        }
        Ok(stage.get())
    }

    fn is_announcement_recorded(&self) -> Result<bool, LunoraError> {
        let Some(expected) = self.announcement_record()? else {
            return Ok(true);
        };
        let sql = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='announced'";
        let recorded = self.state.database.exec_value(sql, &[])?.and_then(to_text);
        Ok(recorded.as_deref() == Some(&*expected))
    }

    fn has_rows(&self) -> Result<bool, LunoraError> {
        for table in &self.state.tables {
            let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
            if self.state.database.exec_value(&sql, &[])?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn record_announcement(&self) -> Result<(), LunoraError> {
        let Some(record) = self.announcement_record()? else {
            return Ok(());
        };
        let sql =
            "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('announced',?)";
        self.state.database.exec(sql, &[text(&record)]).map(drop)
    }

    /// Returns the record of the announcement: a change of registry or table announces again.
    /// `None` if the definition names no registry.
    fn announcement_record(&self) -> Result<Option<String>, LunoraError> {
        let Some(binding) = self.definition.registry else {
            return Ok(None);
        };
        let mut tables: Vec<&str> = self.state.tables.iter().map(|table| table.name).collect();
        sort::sort(&mut tables);
        serde_json::to_string(&(binding, tables)).map(Some).map_err(LunoraError::internal)
    }
}

fn unregistered() -> LunoraError {
    let message = "the shard could not be registered before its first write: retry";
    LunoraError::new(Code::ShardUnavailable, message)
}

fn warn(error: &LunoraError) {
    log::warn(&format!("the shard was not announced and will try again: {}", error.to_log_line()));
}
