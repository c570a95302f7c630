//! `emptyScratch`: deletes what a drill restored, on the only shard for drills.

use super::clients::delete_all;
use crate::{
    errors::{Code, LunoraError},
    shard::shard::Inner,
    wire::{ShardKey, operation::Done},
};

/// Deletes every document, the change log, and the client records.
pub(super) fn empty(shard: &Inner) -> Result<Done, LunoraError> {
    if !ShardKey::is_scratch(shard.key()) {
        let message =
            "emptyScratch deletes every document: only the scratch shard of a drill takes it";
        return Err(LunoraError::new(Code::Forbidden, message));
    }
    shard.database.atomically(|| {
        for table in &shard.definition.tables {
            shard.database.exec(&format!("DELETE FROM \"{}\"", table.name), &[])?;
        }
        delete_all(shard)?;
        shard.changes.clear(&shard.database)
    })?;
    Ok(Done { ok: true })
}
