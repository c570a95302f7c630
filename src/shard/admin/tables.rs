//! Tables as operators inspect and edit them: `listTables`, `readTablePage`, `writeRow`,
//! `deleteRows`, `clearTable`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::import::check_document;
use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
    shard::{
        caller::Caller,
        database::{count, to_count, to_text},
        db::{
            check_id,
            fields::{CREATION_TIME, DELETED_AT, Fields, ID, System},
            own_fields,
        },
        instance::Inner,
        run::Run,
        state::State,
    },
    wire::operation::{
        AnswerOf, ArgsOf, DeleteArgs, DeleteRows, Deleted, ReadTablePage, TableInfo, WriteRow,
    },
};

impl ArgsOf<ReadTablePage> for PageArgs {}
impl ArgsOf<WriteRow> for WriteArgs {}
impl AnswerOf<WriteRow> for Written {}
impl ArgsOf<DeleteRows> for DeleteArgs<'_> {}
impl AnswerOf<DeleteRows> for Deleted {}

/// Returns every table, with the number of its documents that a query can see.
pub(super) fn list(state: &State) -> Result<Vec<TableInfo>, LunoraError> {
    let info = |name| {
        let sql = format!("SELECT count(*) FROM \"{name}\" WHERE \"_deletedAt\" IS NULL");
        let rows = state.database.exec_value(&sql, &[])?;
        Ok(TableInfo { name: Cow::Borrowed(name), row_count: to_count(rows.as_ref()).into() })
    };
    state.tables.iter().map(|table| info(table.name)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageArgs {
    table: String,
    limit: Option<u64>,
    offset: Option<u64>,
    filters: Option<Box<RawValue>>,
    order_by: Option<Box<RawValue>>,
    search: Option<String>,
    skip_count: Option<bool>,
}

const LIMIT: u64 = 50;
const MAX_LIMIT: u64 = 500;

/// Documents in the order of their creation, `{"rows","total"?}`.
pub(super) fn read_page(state: &State, args: &PageArgs) -> Result<String, LunoraError> {
    let table = state.table(&args.table)?;
    refuse_filters(args.filters.as_deref(), args.search.as_deref())?;
    if args.order_by.as_deref().is_some_and(|order| order.get() != "null") {
        return Err(LunoraError::bad_request(
            "this shard reads tables in the order of creation only",
        ));
    }
    let sql = format!(
        "SELECT \"doc\" FROM \"{}\" WHERE \"_deletedAt\" IS NULL ORDER BY \"_creationTime\",\"_id\" LIMIT CAST(? AS INTEGER) OFFSET CAST(? AS INTEGER)",
        table.name
    );
    let limit = args.limit.unwrap_or(LIMIT).clamp(1, MAX_LIMIT);
    let rows = state.database.exec(&sql, &[count(limit), count(args.offset.unwrap_or(0))])?.rows;
    let documents: Vec<String> =
        rows.into_iter().filter_map(|row| row.into_iter().next().and_then(to_text)).collect();
    let mut json = format!(r#"{{"rows":[{}]"#, documents.join(","));
    if args.skip_count != Some(true) {
        let sql = format!("SELECT count(*) FROM \"{}\" WHERE \"_deletedAt\" IS NULL", table.name);
        let total = to_count(state.database.exec_value(&sql, &[])?.as_ref());
        json.push_str(&format!(r#","total":{total}"#));
    }
    json.push('}');
    Ok(json)
}

#[derive(Deserialize)]
pub(super) struct WriteArgs {
    op: Op,
    table: String,
    id: Option<String>,
    doc: Option<Box<RawValue>>,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Insert,
    Patch,
    Replace,
    Delete,
}

#[derive(Serialize)]
pub(super) struct Written {
    id: String,
    op: Op,
}

/// Writes one document.
pub(super) fn write(shard: &Inner, args: &WriteArgs) -> Result<Written, LunoraError> {
    let table = shard.state.table(&args.table)?;
    let id = shard.transact(&Caller::default(), 0, |run| {
        let doc = args.doc.as_deref().map(RawValue::get);
        if args.op == Op::Insert {
            return insert(run, args, doc);
        }
        let id = args.id.clone().ok_or_else(|| LunoraError::bad_request("id must be a string"))?;
        let missing = || {
            let message = format!("there is no such document in {:?}", table.name);
            LunoraError::new(Code::NotFound, message)
        };
        if args.op == Op::Delete {
            return if run.delete(&table, &id)? { Ok(id) } else { Err(missing()) };
        }
        let stored = shard.state.stored(&table, &id)?.filter(|stored| stored.deleted_at.is_none());
        let stored = stored.ok_or_else(missing)?;
        let doc = doc.ok_or_else(|| LunoraError::bad_request("doc must be an object"))?;
        check_document(&table, doc)?;
        let patch = without_system(doc)?;
        let patch = own_fields(&table, &patch)?;
        let fields = if args.op == Op::Patch {
            let mut fields = Fields::parse(&stored.json).unwrap_or_default();
            patch.into_iter().for_each(|(name, value)| fields.set(name.into_owned().into(), value));
            fields
        } else {
            patch
        };
        let system = System { id: &id, creation_time: stored.creation_time, deleted_at: None };
        table.check_type(&fields.to_document(&system)?)?;
        run.put(&table, &fields, system, Some(&stored))?;
        Ok(id)
    })?;
    Ok(Written { id, op: args.op })
}

fn insert(run: &Run<'_>, args: &WriteArgs, doc: Option<&str>) -> Result<String, LunoraError> {
    let table = run.state.table(&args.table)?;
    let id = args.id.clone().unwrap_or_else(|| run.state.random.document_id(run.now_ms));
    check_id(&id)?;
    let doc = doc.ok_or_else(|| LunoraError::bad_request("doc must be an object"))?;
    check_document(&table, doc)?;
    let doc = without_system(doc)?;
    #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
    let creation_time = run.now_ms as f64;
    let system = System { id: &id, creation_time, deleted_at: None };
    let fields = own_fields(&table, &doc)?;
    table.check_type(&fields.to_document(&system)?)?;
    run.put(&table, &fields, system, None)?;
    Ok(id)
}

/// Returns the document without the shard's fields, which an editor sends back unchanged.
fn without_system(doc: &str) -> Result<String, LunoraError> {
    let mut fields =
        Fields::parse(doc).ok_or_else(|| LunoraError::bad_request("doc must be an object"))?;
    for name in [ID, CREATION_TIME, DELETED_AT] {
        fields.remove(name);
    }
    Ok(fields.to_object())
}

/// The maximum number of documents per call (docs/wire.md, "Operations of a shard").
const MAX_DELETED: u64 = 500;

/// Deletes documents in batches. Clearing a table removes them permanently, including those marked
/// as deleted; deleting rows marks them if the table is declared so.
pub(super) fn delete(
    shard: &Inner,
    args: &DeleteArgs<'_>,
    clear: bool,
) -> Result<Deleted, LunoraError> {
    let table = shard.state.table(&args.table)?;
    refuse_filters(args.filters.as_deref(), args.search.as_deref())?;
    if !clear && args.ids.is_none() {
        let message = "deleteRows needs the `ids` of the documents; clearTable deletes them all";
        return Err(LunoraError::bad_request(message));
    }
    let limit = args.limit.unwrap_or(MAX_DELETED).clamp(1, MAX_DELETED);
    let ids: Vec<String> = match &args.ids {
        Some(ids) if ids.len() > 500 => {
            return Err(LunoraError::bad_request("deleteRows takes 500 ids at most"));
        }
        Some(ids) => ids.clone(),
        None => {
            let sql = format!(
                "SELECT \"_id\" FROM \"{}\" WHERE \"_id\">? ORDER BY \"_id\" LIMIT CAST(? AS INTEGER)",
                table.name
            );
            let after = SqlCell::Text(args.after.clone().unwrap_or_default());
            let rows = shard.state.database.exec(&sql, &[after, count(limit + 1)])?.rows;
            rows.into_iter().filter_map(|row| row.into_iter().next().and_then(to_text)).collect()
        }
    };
    let limit = if args.ids.is_some() { ids.len() } else { usize::try_from(limit).unwrap_or(500) };
    let has_more = ids.len() > limit;
    let mut deleted = 0;
    shard.transact(&Caller::default(), 0, |run| {
        for id in ids.iter().take(limit) {
            let gone = if clear {
                let stored = shard.state.stored(&table, id)?;
                let there = stored.is_some();
                stored.map_or(Ok(()), |stored| run.remove(&table, id, &stored))?;
                there
            } else {
                run.delete(&table, id)?
            };
            deleted += u64::from(gone);
        }
        Ok(())
    })?;
    let cursor = has_more.then(|| ids.into_iter().nth(limit - 1)).flatten();
    Ok(Deleted { count: deleted, cursor, has_more })
}

fn refuse_filters(filters: Option<&RawValue>, search: Option<&str>) -> Result<(), LunoraError> {
    let none = ["null", "[]", "{}"];
    let filtered = filters.is_some_and(|filters| !none.contains(&filters.get()));
    if filtered || search.is_some_and(|search| !search.is_empty()) {
        return Err(LunoraError::bad_request("this shard does not filter or search tables"));
    }
    Ok(())
}
