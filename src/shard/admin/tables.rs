//! Tables as operators inspect and edit them: `listTables`, `readTablePage`, `writeRow`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    import::check_document,
    selection::{Selection, order_of},
};
use crate::{
    errors::{Code, LunoraError},
    shard::{
        answer::MAX_ANSWER,
        caller::Caller,
        database::{count, to_count, to_text},
        db::{
            check_id,
            fields::{CREATION_TIME, DELETED_AT, Fields, ID, System},
            keyset::order_sql,
            own_fields,
        },
        instance::Inner,
        recent::Stored,
        run::Run,
        state::State,
        table::TableSpec,
    },
    wire::operation::{AnswerOf, ArgsOf, ReadTablePage, TableInfo, WriteRow},
};

impl ArgsOf<ReadTablePage> for PageArgs {}
impl ArgsOf<WriteRow> for WriteArgs {}
impl AnswerOf<WriteRow> for Written {}

/// Returns every table, with the number of its documents that a query can see.
pub(super) fn list(state: &State) -> Result<Vec<TableInfo>, LunoraError> {
    let info = |table: &TableSpec| {
        let row_count = row_count(state, table)?.into();
        Ok(TableInfo { name: Cow::Borrowed(table.name), row_count })
    };
    state.tables.iter().map(info).collect()
}

/// Returns the number of documents of a table that a query can see.
pub(super) fn row_count(state: &State, table: &TableSpec) -> Result<u64, LunoraError> {
    let sql = format!("SELECT count(*) FROM \"{}\" WHERE \"_deletedAt\" IS NULL", table.name);
    Ok(to_count(state.database.exec_value(&sql, &[])?.as_ref()))
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

/// Returns the selected documents in their order, `{"rows","total"?}`.
pub(super) fn read_page(state: &State, args: &PageArgs) -> Result<String, LunoraError> {
    let table = state.table(&args.table)?;
    let selection = Selection::read(&table, args.filters.as_deref(), args.search.as_deref())?;
    let order = order_sql(&order_of(&table, args.order_by.as_deref())?);
    let from = format!("FROM \"{}\" WHERE \"_deletedAt\" IS NULL{}", table.name, selection.sql);
    let page = format!(
        "SELECT \"doc\" {from} ORDER BY {order} LIMIT CAST(? AS INTEGER) OFFSET CAST(? AS INTEGER)"
    );
    let limit = args.limit.unwrap_or(LIMIT).clamp(1, MAX_LIMIT);
    let params = selection.cells([count(limit), count(args.offset.unwrap_or(0))]);
    let size = format!("SELECT sum(length(CAST(\"doc\" AS BLOB))) FROM ({page})");
    let size = to_count(state.database.exec_value(&size, &params)?.as_ref());
    if size > MAX_ANSWER as u64 {
        let message = format!(
            "the page is too large: expected at most {MAX_ANSWER} bytes, got {size}; set a smaller `limit`"
        );
        return Err(LunoraError::new(Code::PayloadTooLarge, message));
    }
    let rows = state.database.exec(&page, &params)?.rows;
    let documents: Vec<String> =
        rows.into_iter().filter_map(|row| row.into_iter().next().and_then(to_text)).collect();
    let mut json = format!(r#"{{"rows":[{}]"#, documents.join(","));
    if args.skip_count != Some(true) {
        let sql = format!("SELECT count(*) {from}");
        let total = state.database.exec_value(&sql, &selection.cells([]))?;
        let total = to_count(total.as_ref());
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
        if args.op == Op::Patch {
            patch_document(run, &table, &id, &stored, patch)?;
        } else {
            replace_document(run, &table, &id, &stored, &patch)?;
        }
        Ok(id)
    })?;
    Ok(Written { id, op: args.op })
}

/// Sets fields of a document and leaves the others as they are.
pub(super) fn patch_document(
    run: &Run<'_>,
    table: &TableSpec,
    id: &str,
    stored: &Stored,
    patch: Fields<'_>,
) -> Result<(), LunoraError> {
    let mut fields = Fields::parse(&stored.json).unwrap_or_default();
    patch.into_iter().for_each(|(name, value)| fields.set(name.into_owned().into(), value));
    replace_document(run, table, id, stored, &fields)
}

fn replace_document(
    run: &Run<'_>,
    table: &TableSpec,
    id: &str,
    stored: &Stored,
    fields: &Fields<'_>,
) -> Result<(), LunoraError> {
    let system = System { id, creation_time: stored.creation_time, deleted_at: None };
    table.check_type(&fields.to_document(&system)?)?;
    run.put(table, fields, system, Some(stored)).map(|_| ())
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
pub(super) fn without_system(doc: &str) -> Result<String, LunoraError> {
    let mut fields =
        Fields::parse(doc).ok_or_else(|| LunoraError::bad_request("doc must be an object"))?;
    for name in [ID, CREATION_TIME, DELETED_AT] {
        fields.remove(name);
    }
    Ok(fields.to_object())
}
