//! Point-in-time recovery of a shard by the bookmarks of its platform (docs/wire.md, "Operations of a shard").

use serde::{Deserialize, Serialize};

use super::{admin::read, function::args::write_result};
use crate::{
    errors::{Code, LunoraError},
    platform::ShardHost,
    wire::operation::{GetPitrBookmark, Operation, PitrRestore},
};

/// An operation of recovery.
#[derive(Clone, Copy)]
pub(super) enum Recovery {
    Bookmark,
    Restore,
}

/// A bookmark, or the time of one in milliseconds.
#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    bookmark: Option<String>,
    #[serde(default)]
    time: Option<u64>,
    /// Whether the object is started anew at once.
    #[serde(default)]
    restart: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restored {
    restored_to: String,
    undo_bookmark: String,
    restarted: bool,
}

impl Recovery {
    /// Returns the operation of a name, without the prefix of operations.
    pub(super) fn of(op: &str) -> Option<Self> {
        match op {
            GetPitrBookmark::NAME => Some(Self::Bookmark),
            PitrRestore::NAME => Some(Self::Restore),
            _ => None,
        }
    }

    /// Runs the operation, and returns the body of its answer. Runs no statement.
    pub(super) async fn run(self, host: &dyn ShardHost, args: &str) -> Result<String, LunoraError> {
        let target: Target = read(args)?;
        let result = match self {
            Self::Bookmark => write_result(&known(host.bookmark(target.time).await?)?)?,
            Self::Restore => write_result(&restore(host, target).await?)?,
        };
        Ok(["{\"result\":", &result, "}"].concat())
    }
}

async fn restore(host: &dyn ShardHost, target: Target) -> Result<Restored, LunoraError> {
    let restored_to = match (target.bookmark, target.time) {
        (Some(bookmark), None) if !bookmark.is_empty() => bookmark,
        (None, Some(time)) => known(host.bookmark(Some(time)).await?)?,
        _ => return Err(LunoraError::bad_request("expected either `bookmark` or `time`")),
    };
    let undo_bookmark = known(host.restore_bookmark(&restored_to).await?)?;
    let restarted = target.restart.unwrap_or(true);
    if restarted {
        host.restart();
    }
    Ok(Restored { restored_to, undo_bookmark, restarted })
}

fn known(bookmark: Option<String>) -> Result<String, LunoraError> {
    bookmark.ok_or_else(|| {
        let message = "the platform of this shard has no point-in-time recovery";
        LunoraError::new(Code::NotImplemented, message)
            .with_hint("restore a backup with `lunora restore --at`")
    })
}
