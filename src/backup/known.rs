//! The shards that snapshots name.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};

use super::Backups;
use crate::{
    errors::{Code, LunoraError},
    sort,
    wire::ShardKey,
};

/// The shards that snapshots name.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct KnownShards {
    pub(crate) keys: BTreeSet<ShardKey>,
    /// The snapshots whose manifests could not be read.
    pub(crate) unread: Vec<String>,
}

impl Backups {
    /// The number of manifests to read at once; a Worker has at most six open connections.
    const MANIFESTS_AT_ONCE: usize = 4;

    /// Returns the shards of every snapshot under the prefix, those of other deployments included.
    ///
    /// # Errors
    /// If the snapshots cannot be listed.
    pub(crate) async fn known_shards(&self) -> Result<KnownShards, LunoraError> {
        let ids: Vec<String> = self.list().await?.into_iter().map(|snapshot| snapshot.id).collect();
        let mut manifests = stream::iter(ids)
            .map(async |id| (self.get(&id).await, id))
            .buffer_unordered(Self::MANIFESTS_AT_ONCE);
        let mut known = KnownShards::default();
        while let Some((manifest, id)) = manifests.next().await {
            let keys = manifest.and_then(|manifest| {
                let keys = manifest.shards.into_iter().map(|shard| ShardKey::new(shard.shard_key));
                keys.collect::<Result<Vec<_>, _>>().map_err(|error| {
                    let message = format!("the manifest of `{id}` names an invalid shard: {error}");
                    LunoraError::new(Code::BadRequest, message)
                })
            });
            match keys {
                Ok(keys) => known.keys.extend(keys),
                Err(error) => {
                    crate::log::warn(&error.to_log_line());
                    known.unread.push(id);
                }
            }
        }
        sort::sort(&mut known.unread);
        Ok(known)
    }
}
