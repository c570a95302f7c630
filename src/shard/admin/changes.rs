//! `cdcSync` and `applyCdc`: the change log, read here and applied elsewhere.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    filled,
    import::{check_document, read_id, read_system},
};
use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
    shard::{
        caller::Caller,
        database::{count, malformed, to_count},
        db::{
            check_id,
            fields::{Fields, ID, number},
        },
        instance::Inner,
        run::Run,
        state::State,
        tracking::ChangeOp,
    },
    wire::{
        operation::{
            ApplyCdcAnswer, ApplyCdcArgs, CdcSync, CdcSyncArgs, CdcSyncPage, ChangeError, Unfilled,
        },
        paths::CHANGES_PAGE,
    },
};

const LIMIT: u64 = 1000;
const MAX_LIMIT: u64 = 10_000;
/// The size of a change without its document, its table and its id.
const CHANGE_BYTES: u64 = 128;

/// Returns the changes after a cursor, and the cursor behind them.
///
/// A change that the log no longer has is not skipped: 409 `CDC_LOG_TRIMMED`, and the reader begins
/// again from an export.
pub(super) fn sync(state: &State, args: &CdcSyncArgs) -> Result<String, LunoraError> {
    let since = args.since_seq;
    let end = state.changes.cursor(&state.database)?;
    if let Some(first) = state.changes.first(&state.database)?
        && since + 1 < first
    {
        let message = format!("the change log begins at {first}: begin again from an export");
        return Err(LunoraError::new(Code::CdcLogTrimmed, message));
    }
    let last = last_of_page(state, args)?;
    let mut changes = String::new();
    if let Some(last) = last {
        let sql = "SELECT \"seq\",\"table\",\"id\",\"op\",\"doc\",\"ts\" FROM \"_lunora_changes\" WHERE \"seq\">? AND \"seq\"<=? ORDER BY \"seq\"";
        for row in state.database.exec(sql, &[count(since), count(last)])?.rows {
            if !changes.is_empty() {
                changes.push(',');
            }
            push_change(&mut changes, row)?;
        }
    }
    // Without a bound in time a reader that has seen the last change has seen everything.
    let cursor = last.unwrap_or(if args.until_ts.is_some() { since } else { since.max(end) });
    filled::<CdcSync>(&CdcSyncPage { changes: Unfilled::default(), cursor }, &changes)
}

/// Returns the last change that fits, by the sizes, which SQLite knows without reading the
/// documents.
fn last_of_page(state: &State, args: &CdcSyncArgs) -> Result<Option<u64>, LunoraError> {
    let sql = "SELECT \"seq\",\"ts\",ifnull(octet_length(\"doc\"),0)+octet_length(\"id\")+octet_length(\"table\") FROM \"_lunora_changes\" WHERE \"seq\">? ORDER BY \"seq\" LIMIT CAST(? AS INTEGER)";
    let limit = args.limit.unwrap_or(LIMIT).clamp(1, MAX_LIMIT);
    let (mut last, mut bytes) = (None, 0);
    for row in state.database.exec(sql, &[count(args.since_seq), count(limit)])?.rows {
        let [seq, SqlCell::Number(ts), size] = &*row else {
            return Err(malformed("_lunora_changes"));
        };
        bytes += to_count(Some(size)) + CHANGE_BYTES;
        if args.until_ts.is_some_and(|until| *ts > until)
            || (last.is_some() && bytes > CHANGES_PAGE)
        {
            break;
        }
        last = Some(to_count(Some(seq)));
    }
    Ok(last)
}

/// Appends `{"seq","table","id","op","doc"?,"ts"}`, with the document as it was stored.
fn push_change(json: &mut String, row: Vec<SqlCell>) -> Result<(), LunoraError> {
    let Ok(
        [seq, SqlCell::Text(table), SqlCell::Text(id), SqlCell::Text(op), doc, SqlCell::Number(ts)],
    ) = <[SqlCell; 6]>::try_from(row)
    else {
        return Err(malformed("_lunora_changes"));
    };
    let text = |text: &str| serde_json::to_string(text).map_err(LunoraError::internal);
    let (table, id, op) = (text(&table)?, text(&id)?, text(&op)?);
    json.push_str(&format!(
        r#"{{"seq":{},"table":{table},"id":{id},"op":{op}"#,
        to_count(Some(&seq))
    ));
    if let SqlCell::Text(doc) = doc {
        json.extend([r#","doc":"#, &doc]);
    }
    json.extend([r#","ts":"#, &number(ts), "}"]);
    Ok(())
}

#[derive(Deserialize)]
pub(super) struct ChangeArgs {
    table: String,
    id: String,
    op: String,
    #[serde(default)]
    seq: Option<u64>,
    doc: Option<Box<RawValue>>,
}

/// Applies changes in their order, all or nothing, except for documents that the table cannot hold:
/// each of those is reported and skipped. Applied again, they change nothing: a document is stored
/// as the change has it, under the same id.
pub(super) fn apply(
    shard: &Inner,
    args: &ApplyCdcArgs<Vec<ChangeArgs>>,
) -> Result<ApplyCdcAnswer, LunoraError> {
    shard.transact(&Caller::default(), 0, |run| {
        let (mut applied, mut errors) = (0, Vec::new());
        for change in &args.changes {
            let outcome = apply_change(run, change);
            // A failure in the middle of a write rolls back the whole call.
            run.check_doom()?;
            match outcome {
                Ok(()) => applied += 1,
                Err(error) if error.code() == Code::ValidationError.as_str() => {
                    errors.push(ChangeError {
                        code: error.code().to_owned(),
                        id: change.id.clone(),
                        message: error.message().to_owned(),
                        seq: change.seq,
                        table: change.table.clone(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ApplyCdcAnswer { applied, errors })
    })
}

fn apply_change(run: &Run<'_>, change: &ChangeArgs) -> Result<(), LunoraError> {
    let bad =
        |what: &str| LunoraError::bad_request(format!("a change of {:?} {what}", change.table));
    let table = run.state.table(&change.table)?;
    check_id(&change.id).map_err(|_| bad("has an id that is not of 1 to 256 bytes"))?;
    let op = ChangeOp::from_wire(&change.op)
        .ok_or_else(|| bad("has another op than insert, update or delete"))?;
    let stored = run.state.stored(&table, &change.id)?;
    if op == ChangeOp::Delete {
        return stored.map_or(Ok(()), |stored| run.remove(&table, &change.id, &stored));
    }
    let doc = change.doc.as_deref().ok_or_else(|| bad("has no doc"))?.get();
    let mut fields = Fields::parse(doc).ok_or_else(|| bad("has a doc that is not an object"))?;
    check_document(&table, doc)?;
    if let Some(id) = fields.remove(ID)
        && read_id(id)? != change.id
    {
        return Err(bad("has a doc with another _id"));
    }
    let system = read_system(run, &change.id, &fields)?;
    let document = fields.to_document(&system)?;
    if stored.as_ref().is_some_and(|stored| *stored.json == *document) {
        return Ok(());
    }
    table.check_type(&document)?;
    run.put(&table, &fields, system, stored.as_ref()).map(|_| ())
}
