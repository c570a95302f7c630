//! Authorization of callers for shards (docs/wire.md, "Authorization").

use super::{
    hooks::{FanOutAccess, ShardAccess},
    settings::Settings,
};
use crate::{
    errors::{Code, LunoraError},
    platform::log,
    wire::{FanOut, Identity, ShardKey, paths},
};

/// Admits a caller to one shard, or returns the refusal.
///
/// With a gate, the gate decides, for the default shard too. Without one, the default shard is
/// open and every other shard is closed.
pub(super) async fn authorize_shard<E>(
    settings: &Settings<E>,
    identity: Option<&Identity>,
    key: &ShardKey,
) -> Result<(), LunoraError> {
    let Some(gate) = &settings.authorize_shard else {
        let open =
            settings.allow_unauthenticated_shard_access || *key == settings.default_shard_key;
        return if open { Ok(()) } else { Err(shard_denied()) };
    };
    let access = ShardAccess { identity: identity.cloned(), shard_key: key.clone() };
    if granted(gate.authorize(&access).await) { Ok(()) } else { Err(shard_denied()) }
}

/// Admits a query across shards, or returns the refusal. The gate for one shard never covers this.
///
/// Relation reads always need the gate: their data is not meant for the public.
pub(super) async fn authorize_fan_out<E>(
    settings: &Settings<E>,
    identity: Option<&Identity>,
    spec: &FanOut,
    function_path: &str,
) -> Result<(), LunoraError> {
    let Some(gate) = &settings.authorize_fan_out else {
        let open = settings.allow_unauthenticated_shard_access
            && !function_path.starts_with(paths::RELATION_PREFIX);
        return if open { Ok(()) } else { Err(fan_out_denied()) };
    };
    let access = FanOutAccess {
        identity: identity.cloned(),
        table: spec.table().to_owned(),
        function_path: function_path.to_owned(),
    };
    if granted(gate.authorize(&access).await) { Ok(()) } else { Err(fan_out_denied()) }
}

/// Denies if the gate fails; only the log records why.
fn granted(decision: Result<bool, LunoraError>) -> bool {
    decision.unwrap_or_else(|error| {
        log::error(&format!("an authorization gate failed and denied: {}", error.to_log_line()));
        false
    })
}

fn shard_denied() -> LunoraError {
    LunoraError::new(Code::ForbiddenShard, "Not allowed to reach this shard")
}

fn fan_out_denied() -> LunoraError {
    LunoraError::new(Code::ForbiddenFanout, "Not allowed to query across shards")
}
