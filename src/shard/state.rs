//! The state of a shard that its functions read and write: documents, ids, the change log.

use std::{cell::OnceCell, rc::Rc};

use super::{
    changes::ChangeLog, database::Database, random::Random, recent::Recent, table::TableSpec,
};
use crate::{
    errors::{Code, LunoraError},
    platform::ShardHost,
};

/// The state of a shard that its functions read and write.
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) tables: Vec<TableSpec>,
    pub(crate) random: Random,
    pub(crate) changes: ChangeLog,
    pub(crate) recent: Recent,
    key: OnceCell<String>,
}

impl State {
    pub(crate) fn new(host: Rc<dyn ShardHost>, tables: Vec<TableSpec>) -> Self {
        Self {
            database: Database::new(host),
            tables,
            random: Random::default(),
            changes: ChangeLog::default(),
            recent: Recent::default(),
            key: OnceCell::new(),
        }
    }

    pub(crate) fn host(&self) -> &Rc<dyn ShardHost> {
        self.database.host()
    }

    /// Returns the key of the shard.
    pub(crate) fn key(&self) -> &str {
        self.key.get_or_init(|| self.host().shard_key())
    }

    /// Returns a declared table, by its exact name.
    pub(crate) fn table(&self, name: &str) -> Result<TableSpec, LunoraError> {
        self.tables.iter().find(|table| table.name == name).copied().ok_or_else(|| {
            let message = format!("the shard has no table {name:?}");
            LunoraError::new(Code::UnknownTable, message)
        })
    }
}
