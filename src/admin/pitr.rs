//! Point-in-time recovery of one shard (docs/wire.md, "Across shards").

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AdminCall, orchestration::object};
use crate::{
    errors::LunoraError,
    message::Response,
    wire::{
        ShardKey,
        operation::{GetPitrBookmark, Operation, PitrRestore},
        paths,
    },
};

/// Calls point-in-time recovery of one shard, and returns its response unchanged.
pub(super) async fn answer(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Pitr {
        function_path: String,
        args: Option<Box<RawValue>>,
        shard_key: Option<String>,
    }

    let Pitr { function_path, args, shard_key } = call.body("PITR").await?;
    let op = match function_path.strip_prefix(paths::ADMIN_PREFIX) {
        Some(op @ (GetPitrBookmark::NAME | PitrRestore::NAME)) => op,
        _ => {
            return Err(LunoraError::bad_request(
                "`functionPath` must be `__lunora_admin__:getPitrBookmark` or `__lunora_admin__:pitrRestore`",
            ));
        }
    };
    let key = match shard_key {
        Some(key) => {
            ShardKey::new(key).map_err(|error| LunoraError::bad_request(error.to_string()))?
        }
        None => call.host.default_shard_key().clone(),
    };
    call.ask_shard(key, op, object(args)?.get()).await
}
