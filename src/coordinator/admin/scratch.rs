//! Empties the shard into which a drill restores.

use super::{AdminCall, ShardAdmin};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    wire::{
        ShardKey,
        operation::{EmptyScratch, NoArgs},
    },
};

impl ShardAdmin {
    /// Deletes everything in the scratch shard of a drill. A shard of another implementation
    /// deletes the documents of its tables, and its client state.
    ///
    /// # Errors
    /// If the shard fails, or times out; some documents may be deleted then.
    pub(crate) async fn empty_scratch(&self) -> Result<(), LunoraError> {
        let key = ShardKey::scratch();
        match self.ask(&key, &AdminCall::of::<EmptyScratch>(&NoArgs {})?).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => {
                let tables = self.tables(&key).await?.ok_or_else(|| {
                    let message = "the shard can neither be emptied nor list its tables: \
                                   a drill needs `emptyScratch` or `listTables`";
                    LunoraError::new(Code::ShardError, message)
                })?;
                self.clear(&key, &tables).await?;
                self.begin_clients(&key, true).await
            }
            Err(failure) => Err(ShardFailure::into_error(failure)),
        }
    }
}
