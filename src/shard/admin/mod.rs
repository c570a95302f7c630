//! The operations of operators on a shard: `__lunora_admin__:<operation>` (docs/wire.md,
//! "Operations of a shard").

mod changes;
mod clients;
mod export;
mod import;
mod migrations;
mod rank;
mod scratch;
mod tables;

use serde::{Deserialize, Serialize};

use super::{function::args::write_result, shard::Inner};
use crate::{
    errors::{Code, LunoraError},
    wire::AdminToken,
};

/// Runs an operation on an open shard, and returns its result as JSON.
pub(crate) type Operation = fn(&Inner, &str) -> Result<String, LunoraError>;

/// Finds an operation for a caller that presents the admin token. Runs no statement.
pub(crate) fn find(
    shard: &Inner,
    op: &str,
    bearer: Option<&str>,
) -> Result<Operation, LunoraError> {
    gate(shard, bearer)?;
    operation(op).ok_or_else(|| {
        let op: String = op.chars().take(80).collect();
        LunoraError::new(Code::UnknownAdminOp, format!("unknown admin operation: {op}"))
    })
}

/// Runs an operation, and returns the body of its answer.
pub(crate) fn run(shard: &Inner, operation: Operation, args: &str) -> Result<String, LunoraError> {
    Ok(["{\"result\":", &operation(shard, args)?, "}"].concat())
}

fn operation(op: &str) -> Option<Operation> {
    Some(match op {
        "exportShard" => |shard, args| export::export(shard, read(args)?),
        "importShard" => |shard, args| json(&import::import(shard, &read(args)?)?),
        "exportClients" => |shard, args| clients::export(shard, &read(args)?),
        "importClients" => |shard, args| json(&clients::import(shard, &read(args)?)?),
        "forgetAnnouncement" => |shard, _| {
            shard.forget_announcement()?;
            Ok(r#"{"ok":true}"#.to_owned())
        },
        "emptyScratch" => |shard, _| json(&scratch::empty(shard)?),
        "cdcSync" => |shard, args| changes::sync(shard, &read(args)?),
        "applyCdc" => |shard, args| json(&changes::apply(shard, &read(args)?)?),
        "getMetrics" => |shard, _| {
            let sizes = (shard.host.database_bytes(), shard.changes.size(shard)?);
            json(&shard.metrics.report(shard.key(), sizes, shard.host.now_ms()))
        },
        "rankBefore" => |shard, args| json(&rank::before(shard, read(args)?)?),
        "rankPage" => |shard, args| rank::page(shard, &read(args)?),
        "runMigration" => |shard, args| json(&migrations::run(shard, &read(args)?)?),
        "migrationStatus" => |shard, args| json(&migrations::status(shard, &read(args)?)?),
        "listTables" => |shard, _| json(&tables::list(shard)?),
        "readTablePage" => |shard, args| tables::read_page(shard, &read(args)?),
        "writeRow" => |shard, args| json(&tables::write(shard, &read(args)?)?),
        "clearTable" => |shard, args| json(&tables::delete(shard, &read(args)?, true)?),
        "deleteRows" => |shard, args| json(&tables::delete(shard, &read(args)?, false)?),
        _ => return None,
    })
}

/// Checks the bearer against the admin token in constant time. Without a configured token every
/// bearer is refused.
pub(super) fn gate(shard: &Inner, bearer: Option<&str>) -> Result<(), LunoraError> {
    let token = shard.host.var(AdminToken::VARIABLE).and_then(|token| AdminToken::new(token).ok());
    match (&token, bearer) {
        (Some(token), Some(bearer)) if token.matches(bearer) => Ok(()),
        _ => {
            let message = "admin introspection is disabled or the bearer token is invalid";
            Err(AdminToken::refusal(token.as_ref(), Code::AdminForbidden, message))
        }
    }
}

pub(super) fn read<'a, T: Deserialize<'a>>(args: &'a str) -> Result<T, LunoraError> {
    serde_json::from_str(args).map_err(|error| {
        LunoraError::bad_request(format!("malformed admin RPC arguments: {error}"))
    })
}

fn json(result: &impl Serialize) -> Result<String, LunoraError> {
    write_result(result)
}
