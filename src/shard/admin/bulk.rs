//! Several documents at once: `deleteRows`, `clearTable`, `patchRows`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    import::check_document,
    selection::Selection,
    tables::{patch_document, without_system},
};
use crate::{
    errors::LunoraError,
    shard::{
        caller::Caller,
        database::{count, text, to_text},
        db::own_fields,
        instance::Inner,
        run::Run,
        table::TableSpec,
    },
    wire::operation::{DeleteArgs, Deleted},
};

/// The maximum number of documents per call (docs/wire.md, "Operations of a shard").
const MAX_ROWS: u64 = 500;

/// Deletes documents, or marks them as deleted if their table is declared so.
pub(super) fn delete(shard: &Inner, args: &DeleteArgs<'_>) -> Result<Deleted, LunoraError> {
    let table = shard.state.table(&args.table)?;
    let chosen = choose(shard, &table, args, "deleteRows", true)?;
    chosen.apply(shard, |run, id| run.delete(&table, id))
}

/// Deletes documents permanently, including those that are marked as deleted.
pub(super) fn clear(shard: &Inner, args: &DeleteArgs<'_>) -> Result<Deleted, LunoraError> {
    let table = shard.state.table(&args.table)?;
    let chosen = choose(shard, &table, args, "clearTable", false)?;
    chosen.apply(shard, |run, id| {
        let Some(stored) = shard.state.stored(&table, id)? else { return Ok(false) };
        run.remove(&table, id, &stored).map(|()| true)
    })
}

/// Sets fields of documents and leaves the others as they are; all of them or none.
pub(super) fn patch(
    shard: &Inner,
    args: &DeleteArgs<'_>,
    patch: &Patch<'_>,
) -> Result<Deleted, LunoraError> {
    let table = shard.state.table(&args.table)?;
    check_document(&table, patch.doc.get())?;
    let doc = without_system(patch.doc.get())?;
    let fields = own_fields(&table, &doc)?;
    let chosen = choose(shard, &table, args, "patchRows", true)?;
    chosen.apply(shard, |run, id| {
        let stored = shard.state.stored(&table, id)?.filter(|stored| stored.deleted_at.is_none());
        let Some(stored) = stored else { return Ok(false) };
        patch_document(run, &table, id, &stored, fields.clone()).map(|()| true).map_err(|error| {
            LunoraError::custom(
                error.code().to_owned(),
                error.status().as_u16(),
                format!("{id:?} of {:?}: {}", table.name, error.message()),
            )
        })
    })
}

/// The fields to set; beside [`DeleteArgs`] in the same object.
#[derive(Deserialize)]
pub(super) struct Patch<'a> {
    #[serde(borrow)]
    doc: &'a RawValue,
}

/// The documents of one call.
struct Chosen {
    ids: Vec<String>,
    has_more: bool,
}

/// Chooses the documents of a call: the named ones, or the selected ones in the order of their ids.
/// `sparing`, it neither sees documents that are marked as deleted nor chooses everything unasked.
fn choose(
    shard: &Inner,
    table: &TableSpec,
    args: &DeleteArgs<'_>,
    op: &str,
    sparing: bool,
) -> Result<Chosen, LunoraError> {
    let selection = Selection::read(table, args.filters.as_deref(), args.search.as_deref())?;
    if let Some(ids) = &args.ids {
        let message = if !selection.is_everything() {
            "takes either `ids` or `filters` and `search`"
        } else if ids.len() as u64 > MAX_ROWS {
            "takes 500 ids at most"
        } else {
            return Ok(Chosen { ids: ids.clone(), has_more: false });
        };
        return Err(LunoraError::bad_request(format!("{op} {message}")));
    }
    if sparing && selection.is_everything() {
        let message = format!(
            "{op} needs the `ids` of the documents, `filters` or a `search`: {{\"column\":\"_id\",\"op\":\"isNotNull\"}} selects every document"
        );
        return Err(LunoraError::bad_request(message));
    }
    let limit = args.limit.unwrap_or(MAX_ROWS).clamp(1, MAX_ROWS);
    let visible = if sparing { " AND \"_deletedAt\" IS NULL" } else { "" };
    let sql = format!(
        "SELECT \"_id\" FROM \"{}\" WHERE 1{visible}{} AND \"_id\">? ORDER BY \"_id\" LIMIT CAST(? AS INTEGER)",
        table.name, selection.sql
    );
    let after = text(args.after.as_deref().unwrap_or_default());
    let rows = shard.state.database.exec(&sql, &selection.cells([after, count(limit + 1)]))?.rows;
    let first = |row: Vec<_>| row.into_iter().next().and_then(to_text);
    let mut ids: Vec<String> = rows.into_iter().filter_map(first).collect();
    let has_more = ids.len() as u64 > limit;
    if has_more {
        ids.pop();
    }
    Ok(Chosen { ids, has_more })
}

impl Chosen {
    /// Changes the documents in one transaction, and counts those that were there.
    fn apply(
        mut self,
        shard: &Inner,
        change: impl Fn(&Run<'_>, &str) -> Result<bool, LunoraError>,
    ) -> Result<Deleted, LunoraError> {
        let count = shard.transact(&Caller::default(), 0, |run| {
            self.ids.iter().try_fold(0, |count, id| Ok(count + u64::from(change(run, id)?)))
        })?;
        let cursor = if self.has_more { self.ids.pop() } else { None };
        Ok(Deleted { count, cursor, has_more: self.has_more })
    }
}
