//! The tables that belong to no shard, in a restore.

use std::collections::BTreeMap;

use super::{Backups, Manifest};
use crate::{
    coordinator::{is_transient, not_configured},
    errors::{Code, LunoraError},
};

impl Backups {
    /// Returns the global tables of a snapshot that the deployment does not have.
    ///
    /// # Errors
    /// 400 `GLOBAL_NOT_CONFIGURED` if the deployment has no global tables at all, but the snapshot
    /// has rows of some; if they cannot be listed.
    pub(super) async fn check_globals(
        &self,
        manifest: &Manifest,
    ) -> Result<Vec<String>, LunoraError> {
        if manifest.global_rows() > 0 && self.admin.globals().is_none() {
            return Err(not_configured(&format!("snapshot `{}` has rows", manifest.id)));
        }
        let known = self.admin.global_catalog().await?.tables;
        let unknown =
            manifest.global_tables().filter(|name| !known.contains(name) && !is_transient(name));
        Ok(unknown.cloned().collect())
    }

    /// Returns the tables of the snapshot of the state before a restore: those that the restore may
    /// change, or every table.
    pub(super) async fn safety_tables(
        &self,
        manifest: &Manifest,
        of_shards: Option<&[String]>,
    ) -> Result<Option<Vec<String>>, LunoraError> {
        let Some(of_shards) = of_shards else { return Ok(None) };
        let known = self.admin.global_catalog().await?.tables;
        let global = manifest.global_tables();
        let global = global.filter(|name| known.contains(name) && !of_shards.contains(name));
        let names: Vec<String> = of_shards.iter().chain(global).cloned().collect();
        if names.is_empty() {
            let message = format!("none of the tables of snapshot `{}` exists", manifest.id);
            return Err(LunoraError::new(Code::UnknownTable, message));
        }
        Ok(Some(names))
    }

    /// Empties the global tables that the snapshot replaces: each one that the deployment has, or
    /// those that a snapshot of some tables names.
    pub(super) async fn clear_globals(
        &self,
        manifest: &Manifest,
        gone: &[String],
        cleared: &mut BTreeMap<String, u64>,
    ) -> Result<(), LunoraError> {
        let (Some(part), Some(globals)) = (&manifest.global, self.admin.globals()) else {
            return Ok(());
        };
        let is_whole = manifest.tables.is_none();
        let mut tables = globals.catalog().await?.tables;
        tables.retain(|table| {
            !gone.contains(table) && (is_whole || part.rows_by_table.contains_key(table))
        });
        for (table, count) in globals.clear(&tables).await? {
            *cleared.entry(table).or_default() += count;
        }
        Ok(())
    }
}
