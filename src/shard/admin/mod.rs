//! The operations of operators on a shard: `__lunora_admin__:<operation>` (docs/wire.md,
//! "Operations of a shard").

mod bulk;
mod changes;
mod clients;
mod describe;
mod export;
mod import;
mod migrations;
mod rank;
mod scratch;
mod selection;
mod sql;
mod tables;

use serde::{Deserialize, Serialize};

use super::{function::args::write_result, instance::Inner};
use crate::{
    errors::{Code, LunoraError},
    platform::ShardHost,
    wire::{
        AdminToken,
        operation::{
            self, AnswerOf, ApplyCdc, ArgsOf, CdcSync, ClearTable, DeleteRows, DescribeTable,
            DescribeTables, Done, EmptyScratch, ExportClients, ExportShard, ForgetAnnouncement,
            GetFunctionStats, GetLogs, GetMetrics, ImportClients, ImportShard, ListSubscriptions,
            ListTableIndexes, ListTables, ListTablesIndexes, MigrationStatus, Operation as _,
            PatchRows, RankBefore, RankPage, ReadTablePage, RunMigration, RunSql, WriteRow, fill,
        },
    },
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
        ExportShard::NAME => {
            |shard, args| export::export(&shard.state, args_of::<ExportShard, _>(args)?)
        }
        ImportShard::NAME => |shard, args| {
            shard.note_import();
            answer::<ImportShard>(&import::import(shard, &args_of::<ImportShard, _>(args)?)?)
        },
        ExportClients::NAME => {
            |shard, args| clients::export(&shard.state, &args_of::<ExportClients, _>(args)?)
        }
        ImportClients::NAME => |shard, args| {
            answer::<ImportClients>(&clients::import(
                &shard.state,
                &args_of::<ImportClients, _>(args)?,
            )?)
        },
        ForgetAnnouncement::NAME => |shard, _| {
            shard.announcement.forget(&shard.state)?;
            answer::<ForgetAnnouncement>(&Done { ok: true })
        },
        EmptyScratch::NAME => |shard, _| answer::<EmptyScratch>(&scratch::empty(&shard.state)?),
        CdcSync::NAME => |shard, args| changes::sync(&shard.state, &args_of::<CdcSync, _>(args)?),
        ApplyCdc::NAME => |shard, args| {
            shard.note_import();
            answer::<ApplyCdc>(&changes::apply(shard, &args_of::<ApplyCdc, _>(args)?)?)
        },
        GetMetrics::NAME => |shard, _| {
            let sizes = (
                shard.state.host().database_bytes(),
                shard.state.changes.size(&shard.state.database)?,
            );
            let report =
                shard.metrics.report(shard.state.key(), sizes, shard.state.host().now_ms());
            answer::<GetMetrics>(&report)
        },
        RankBefore::NAME => |shard, args| {
            answer::<RankBefore>(&rank::before(&shard.state, args_of::<RankBefore, _>(args)?)?)
        },
        RankPage::NAME => |shard, args| rank::page(&shard.state, &args_of::<RankPage, _>(args)?),
        RunMigration::NAME => |shard, args| {
            answer::<RunMigration>(&migrations::run(shard, &args_of::<RunMigration, _>(args)?)?)
        },
        MigrationStatus::NAME => |shard, args| {
            let args = args_of::<MigrationStatus, _>(args)?;
            answer::<MigrationStatus>(&migrations::status(shard, &args)?)
        },
        ListTables::NAME => |shard, _| answer::<ListTables>(&tables::list(&shard.state)?),
        ReadTablePage::NAME => {
            |shard, args| tables::read_page(&shard.state, &args_of::<ReadTablePage, _>(args)?)
        }
        WriteRow::NAME => {
            |shard, args| answer::<WriteRow>(&tables::write(shard, &args_of::<WriteRow, _>(args)?)?)
        }
        ClearTable::NAME => |shard, args| {
            shard.note_import();
            answer::<ClearTable>(&bulk::clear(shard, &args_of::<ClearTable, _>(args)?)?)
        },
        DeleteRows::NAME => |shard, args| {
            answer::<DeleteRows>(&bulk::delete(shard, &args_of::<DeleteRows, _>(args)?)?)
        },
        PatchRows::NAME => |shard, args| {
            let selected = args_of::<PatchRows, _>(args)?;
            answer::<PatchRows>(&bulk::patch(shard, &selected, &read(args)?)?)
        },
        DescribeTable::NAME => |shard, args| {
            let table = args_of::<DescribeTable, _>(args)?;
            answer::<DescribeTable>(&describe::one(&shard.state, &table)?)
        },
        DescribeTables::NAME => |shard, _| answer::<DescribeTables>(&describe::all(&shard.state)?),
        ListTableIndexes::NAME => |shard, args| {
            let table = args_of::<ListTableIndexes, _>(args)?;
            answer::<ListTableIndexes>(&describe::indexes_of_one(&shard.state, &table)?)
        },
        ListTablesIndexes::NAME => {
            |shard, _| answer::<ListTablesIndexes>(&describe::indexes_of_all(&shard.state))
        }
        RunSql::NAME => |shard, args| sql::run(&shard.state, &args_of::<RunSql, _>(args)?),
        GetLogs::NAME => {
            |shard, args| answer::<GetLogs>(&shard.failures.latest(&args_of::<GetLogs, _>(args)?))
        }
        ListSubscriptions::NAME => |shard, args| {
            let args = args_of::<ListSubscriptions, _>(args)?;
            answer::<ListSubscriptions>(&shard.subscriptions.page(&args))
        },
        GetFunctionStats::NAME => |shard, _| answer::<GetFunctionStats>(&shard.metrics.functions()),
        _ => return None,
    })
}

/// Checks the bearer against the admin token in constant time. Without a configured token every
/// bearer is refused.
pub(super) fn gate(shard: &Inner, bearer: Option<&str>) -> Result<(), LunoraError> {
    let token = admin_token(&**shard.state.host());
    if AdminToken::is_bearer(token.as_ref(), bearer) {
        return Ok(());
    }
    let message = "admin introspection is disabled or the bearer token is invalid";
    Err(AdminToken::refusal(token.as_ref(), Code::AdminForbidden, message))
}

/// Returns the admin token of the shard.
pub(in crate::shard) fn admin_token(host: &dyn ShardHost) -> Option<AdminToken> {
    AdminToken::new(host.var(AdminToken::VARIABLE)?).ok()
}

pub(super) fn read<'a, T: Deserialize<'a>>(args: &'a str) -> Result<T, LunoraError> {
    serde_json::from_str(args).map_err(|error| {
        LunoraError::bad_request(format!("malformed admin RPC arguments: {error}"))
    })
}

fn args_of<'a, O: operation::Operation, T: ArgsOf<O> + Deserialize<'a>>(
    args: &'a str,
) -> Result<T, LunoraError> {
    read(args)
}

fn answer<O: operation::Operation>(
    answer: &(impl AnswerOf<O> + Serialize),
) -> Result<String, LunoraError> {
    write_result(answer)
}

/// Writes an answer whose first field is a list that is JSON text.
fn filled<O: operation::Operation>(
    answer: &(impl AnswerOf<O> + Serialize),
    list: &str,
) -> Result<String, LunoraError> {
    fill(answer, list).map_err(LunoraError::internal)
}
