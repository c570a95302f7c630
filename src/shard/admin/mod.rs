//! What operators ask of a shard: `__lunora_admin__:<operation>` (contract, section 5).

mod changes;
mod export;
mod import;
mod migrations;
mod rank;
mod tables;

use serde::{Serialize, de::DeserializeOwned};

use super::{function::args::write_result, shard::Inner};
use crate::{
    errors::{Code, LunoraError},
    wire::AdminToken,
};

/// Answers an operation, for whoever presents the admin token.
pub(crate) fn call(
    shard: &Inner,
    op: &str,
    args: &str,
    bearer: Option<&str>,
) -> Result<String, LunoraError> {
    gate(shard, bearer)?;
    let result = match op {
        "exportShard" => export::export(shard, read(args)?)?,
        "importShard" => json(&import::import(shard, &read(args)?)?)?,
        "cdcSync" => changes::sync(shard, &read(args)?)?,
        "applyCdc" => json(&changes::apply(shard, &read(args)?)?)?,
        "getMetrics" => json(&shard.metrics.report(
            shard.key(),
            shard.host.database_bytes(),
            shard.host.now_ms(),
        ))?,
        "rankBefore" => json(&rank::before(shard, read(args)?)?)?,
        "rankPage" => rank::page(shard, &read(args)?)?,
        "runMigration" => json(&migrations::run(shard, &read(args)?)?)?,
        "migrationStatus" => json(&migrations::status(shard, &read(args)?)?)?,
        "listTables" => json(&tables::list(shard)?)?,
        "readTablePage" => tables::read_page(shard, &read(args)?)?,
        "writeRow" => json(&tables::write(shard, &read(args)?)?)?,
        "clearTable" => json(&tables::delete(shard, &read(args)?, true)?)?,
        "deleteRows" => json(&tables::delete(shard, &read(args)?, false)?)?,
        _ => {
            let op: String = op.chars().take(80).collect();
            let message = format!("unknown admin operation: {op}");
            return Err(LunoraError::new(Code::UnknownAdminOp, message));
        }
    };
    Ok(["{\"result\":", &result, "}"].concat())
}

/// The token is compared in constant time; where none is configured nobody gets in.
fn gate(shard: &Inner, bearer: Option<&str>) -> Result<(), LunoraError> {
    let token = shard.host.var(AdminToken::VARIABLE).and_then(|token| AdminToken::new(token).ok());
    match (token, bearer) {
        (Some(token), Some(bearer)) if token.matches(bearer) => Ok(()),
        _ => Err(LunoraError::new(
            Code::AdminForbidden,
            "admin introspection is disabled or the bearer token is invalid",
        )),
    }
}

fn read<T: DeserializeOwned>(args: &str) -> Result<T, LunoraError> {
    serde_json::from_str(args).map_err(|error| {
        LunoraError::bad_request(format!("malformed admin RPC arguments: {error}"))
    })
}

fn json(result: &impl Serialize) -> Result<String, LunoraError> {
    write_result(result)
}
