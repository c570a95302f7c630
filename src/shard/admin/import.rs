//! `importShard`: documents from elsewhere, with their ids.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    errors::{Code, LunoraError},
    shard::{
        caller::Caller,
        db::{
            check_id,
            fields::{CREATION_TIME, DELETED_AT, Fields, ID, System},
            store::MAX_DOCUMENT,
        },
        instance::Inner,
        run::Run,
        table::TableSpec,
    },
    wire::{
        COMMIT_SEQ,
        operation::{ImportShardAnswer, ImportShardArgs, ImportedError},
    },
};

/// Imports rows in one transaction. Each row is checked before it is written, so that an invalid
/// one is reported and the others stay.
pub(super) fn import(
    shard: &Inner,
    args: &ImportShardArgs<Vec<Box<RawValue>>>,
) -> Result<ImportShardAnswer, LunoraError> {
    shard.transact(&Caller::default(), 0, |run| {
        let mut report = ImportShardAnswer::default();
        for (line, row) in (args.start_line.unwrap_or(1)..).zip(&args.rows) {
            let table = table_name(row);
            let outcome = import_row(run, row);
            // A failure in the middle of a write rolls back the whole call.
            run.check_doom()?;
            match outcome {
                Ok((table, true)) => *report.inserted.entry(table.into()).or_default() += 1,
                Ok((_, false)) => report.conflicts += 1,
                Err(error) => report.errors.push(ImportedError {
                    code: error.code().to_owned(),
                    line,
                    message: error.message().to_owned(),
                    table: table.unwrap_or_default(),
                }),
            }
        }
        Ok(report)
    })
}

fn table_name(row: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Row {
        table: String,
    }
    serde_json::from_str::<Row>(row.get()).ok().map(|row| row.table)
}

/// Imports a row; `false` for a document whose id is taken.
fn import_row(run: &Run<'_>, row: &RawValue) -> Result<(&'static str, bool), LunoraError> {
    #[derive(Deserialize)]
    struct Row<'a> {
        table: String,
        #[serde(borrow)]
        doc: &'a RawValue,
    }

    let bad_row =
        || LunoraError::custom("BAD_ROW", 400, "a row is {\"table\": string, \"doc\": object}");
    let row = Some(row.get()).filter(|row| row.starts_with('{'));
    let row: Row<'_> = row.and_then(|row| serde_json::from_str(row).ok()).ok_or_else(bad_row)?;
    let table = run.state.table(&row.table)?;
    let mut fields = Fields::parse(row.doc.get()).ok_or_else(bad_row)?;
    fields.remove(COMMIT_SEQ);
    let id = match fields.get(ID) {
        None => run.state.random.document_id(run.now_ms),
        Some(id) => read_id(id)?,
    };
    if run.state.stored(&table, &id)?.is_some() {
        return Ok((table.name, false));
    }
    let system = read_system(run, &id, &fields)?;
    check_document(&table, row.doc.get())?;
    table.check_type(&fields.to_document(&system)?)?;
    run.put(&table, &fields, system, None)?;
    Ok((table.name, true))
}

pub(super) fn read_id(json: &str) -> Result<String, LunoraError> {
    let id: String = serde_json::from_str(json).map_err(|_| invalid("_id must be a string"))?;
    check_id(&id)?;
    Ok(id)
}

/// Reads the fields that belong to the shard, as the document has them.
pub(super) fn read_system<'a>(
    run: &Run<'_>,
    id: &'a str,
    fields: &Fields<'_>,
) -> Result<System<'a>, LunoraError> {
    let time = |name: &str| -> Result<Option<f64>, LunoraError> {
        match fields.get(name) {
            None | Some("null") => Ok(None),
            Some(json) => serde_json::from_str(json)
                .map(Some)
                .map_err(|_| invalid(format!("{name} must be a number"))),
        }
    };
    #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
    let creation_time = time(CREATION_TIME)?.unwrap_or(run.now_ms as f64);
    Ok(System { id, creation_time, deleted_at: time(DELETED_AT)? })
}

/// Refuses a text that is too large to parse; the stored text is checked on the write.
pub(super) fn check_document(table: &TableSpec, json: &str) -> Result<(), LunoraError> {
    if json.len() > MAX_DOCUMENT {
        let message = format!("a document of {:?} is larger than 2 MB", table.name);
        return Err(LunoraError::custom("INSERT_FAILED", 413, message));
    }
    Ok(())
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> LunoraError {
    LunoraError::new(Code::ValidationError, message)
}
