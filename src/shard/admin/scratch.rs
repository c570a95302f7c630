//! `emptyScratch`: deletes what a drill restored, on the only shard for drills.

use super::clients::delete_all;
use crate::{
    errors::{Code, LunoraError},
    shard::state::State,
    wire::{ShardKey, operation::Done},
};

/// Deletes every document, the change log, and the client records.
pub(super) fn empty(state: &State) -> Result<Done, LunoraError> {
    if !ShardKey::is_scratch(state.key()) {
        let message =
            "emptyScratch deletes every document: only the scratch shard of a drill takes it";
        return Err(LunoraError::new(Code::Forbidden, message));
    }
    state.database.atomically(|| {
        for table in &state.tables {
            state.database.exec(&format!("DELETE FROM \"{}\"", table.name), &[])?;
        }
        delete_all(state)?;
        state.changes.clear(&state.database)
    })?;
    Ok(Done { ok: true })
}
