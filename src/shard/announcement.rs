//! Whether the registry of shards has the shard, as far as its database records it.
//!
//! The registry must have a shard before its first row is committed: a query across shards, an
//! export and a backup find the shard there.

use std::cell::Cell;

use super::{
    database::{text, to_text},
    state::State,
    tracking::Commit,
};
use crate::{
    errors::{Code, LunoraError},
    sort,
};

/// The progress of this object's announcement.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
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
#[derive(Debug)]
pub(crate) struct Announcement {
    /// The binding of the registry, if the definition names one.
    registry: Option<&'static str>,
    stage: Cell<Stage>,
    /// `true` if a transaction was rolled back because the registry may lack the shard.
    wanted: Cell<bool>,
}

impl Announcement {
    pub(crate) fn new(registry: Option<&'static str>) -> Self {
        Self { registry, stage: Cell::default(), wanted: Cell::new(false) }
    }

    /// Refuses to commit rows that the registry may not know of, and records with the first ones
    /// that it does. Called at the end of a transaction, within it.
    pub(crate) fn check(&self, state: &State, commit: &Commit) -> Result<(), LunoraError> {
        if !commit.wrote() {
            return Ok(());
        }
        match self.stage.get() {
            Stage::Recorded => Ok(()),
            Stage::Registered => self.record(state),
            Stage::Unread if self.is_recorded(state)? => Ok(()),
            Stage::Unread | Stage::Empty | Stage::Behind => {
                self.wanted.set(true);
                Err(unregistered())
            }
        }
    }

    /// Notes that a transaction has committed.
    pub(crate) fn note_commit(&self, commit: &Commit) {
        if commit.wrote() {
            self.note_recorded();
        }
    }

    /// Notes that the database records the announcement.
    pub(crate) fn note_recorded(&self) {
        self.stage.set(Stage::Recorded);
    }

    /// Notes that the registry has the shard.
    pub(crate) fn note_registered(&self) {
        if self.stage.get() != Stage::Recorded {
            self.stage.set(Stage::Registered);
        }
    }

    /// Drops the record that the registry has the shard, so that the shard announces itself again:
    /// with its next call if it has rows, and otherwise before its first row.
    pub(crate) fn forget(&self, state: &State) -> Result<(), LunoraError> {
        let sql = "DELETE FROM \"_lunora_meta\" WHERE \"name\"='announced'";
        state.database.atomically(|| state.database.exec(sql, &[]).map(drop))?;
        self.stage.set(Stage::Unread);
        Ok(())
    }

    /// Returns whether a transaction was rolled back so that the shard can be announced first.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.get()
    }

    /// Returns [`is_wanted`](Self::is_wanted), and begins again.
    pub(crate) fn take_wanted(&self) -> bool {
        self.wanted.take()
    }

    /// Returns the stage, and reads it from the database once.
    pub(crate) fn stage(&self, state: &State) -> Result<Stage, LunoraError> {
        if self.stage.get() == Stage::Unread {
            self.stage.set(if self.is_recorded(state)? {
                Stage::Recorded
            } else if has_rows(state)? {
                Stage::Behind
            } else {
                Stage::Empty
            });
        }
        Ok(self.stage.get())
    }

    /// Records that the registry has the shard.
    pub(crate) fn record(&self, state: &State) -> Result<(), LunoraError> {
        let Some(record) = self.record_text(state)? else {
            return Ok(());
        };
        let sql =
            "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('announced',?)";
        state.database.exec(sql, &[text(&record)]).map(drop)
    }

    fn is_recorded(&self, state: &State) -> Result<bool, LunoraError> {
        let Some(expected) = self.record_text(state)? else {
            return Ok(true);
        };
        let sql = "SELECT \"value\" FROM \"_lunora_meta\" WHERE \"name\"='announced'";
        let recorded = state.database.exec_value(sql, &[])?.and_then(to_text);
        Ok(recorded.as_deref() == Some(&*expected))
    }

    /// Returns the text of the record: a change of registry or table announces again. `None` if the
    /// definition names no registry.
    fn record_text(&self, state: &State) -> Result<Option<String>, LunoraError> {
        let Some(binding) = self.registry else {
            return Ok(None);
        };
        let mut tables: Vec<&str> = state.tables.iter().map(|table| table.name).collect();
        sort::sort(&mut tables);
        serde_json::to_string(&(binding, tables)).map(Some).map_err(LunoraError::internal)
    }
}

fn has_rows(state: &State) -> Result<bool, LunoraError> {
    for table in &state.tables {
        let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
        if state.database.exec_value(&sql, &[])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the error of a write that the registry must precede.
pub(crate) fn unregistered() -> LunoraError {
    let message = "the shard could not be registered before its first write: retry";
    LunoraError::new(Code::ShardUnavailable, message)
}
