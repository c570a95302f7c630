//! Pages of a table: documents between two positions of an order.

use base64::Engine;
use serde::de::DeserializeOwned;

use super::{
    Document, Page, PageRequest, TableQuery,
    keyset::{
        OrderBy, Stop, beyond, is_beyond, order_sql, position_columns, read_position, stop_at,
    },
    selection::Plan,
};
use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::{cells, malformed},
        sql::SqlValue,
    },
    wire::identity::BASE64_URL,
};

/// The maximum number of documents that a client may ask for in one page.
const MAX_ITEMS: u32 = 1_000;

/// A page with an end has at most this many times the documents that it was loaded with. Clients
/// divide a page that has twice as many.
const MAX_GROWTH: u32 = 4;

impl<T: DeserializeOwned> TableQuery<'_, T> {
    /// Returns the next `limit` documents after the `continue_cursor` of a page; `None` starts at
    /// the first.
    ///
    /// A document that exists throughout is on exactly one page, whatever is written between the
    /// pages, unless its own position in the index changes.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for a cursor that does not belong to this query; else as
    /// [`collect`](Self::collect).
    pub fn paginate(
        self,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Document<T>>, LunoraError> {
        let range = Range { after: cursor, up_to: None };
        self.rows(&range, limit)?.into_page(self.selection.table, cursor)
    }

    /// Returns the page that a client asks for.
    ///
    /// A page without an end is that of [`paginate`](Self::paginate). One with an end has every
    /// document from its start to its end, whatever was inserted or deleted meanwhile, so that live
    /// pages next to each other lose and repeat no document. It has a `split_cursor`, by which a
    /// client divides a page that has grown. If it has grown beyond four times `num_items`, it is
    /// cut off at `split_cursor`, and `is_done` is `false`.
    ///
    /// ```
    /// # use lunora::{LunoraError, shard::{Document, Page, PageRequest, Query, Table, table}};
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Message { text: String }
    /// # const MESSAGES: Table<Message> = table!("messages");
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "camelCase")]
    /// struct List {
    ///     pagination_opts: PageRequest,
    /// }
    ///
    /// fn list(ctx: &Query<'_>, args: List) -> Result<Page<Document<Message>>, LunoraError> {
    ///     ctx.db().table(MESSAGES).page(&args.pagination_opts)
    /// }
    /// ```
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` if `num_items` is not from 1 to 1,000, or for a cursor that does not belong
    /// to this query; else as [`collect`](Self::collect).
    pub fn page(self, request: &PageRequest) -> Result<Page<Document<T>>, LunoraError> {
        let PageRequest { cursor, end_cursor, num_items } = request;
        if !(1..=MAX_ITEMS).contains(num_items) {
            let message = format!("numItems: expected 1 to {MAX_ITEMS}, got {num_items}");
            return Err(LunoraError::bad_request(message));
        }
        let cursor = cursor.as_deref();
        let Some(end) = end_cursor.as_deref().filter(|end| !end.is_empty()) else {
            return self.paginate(cursor, *num_items);
        };
        let range = Range { after: cursor, up_to: Some(end) };
        let Rows { rows, more } = self.rows(&range, num_items * MAX_GROWTH)?;
        let split_at = if more { rows.len() } else { rows.len() / 2 };
        let split_cursor = match split_at.checked_sub(1).and_then(|at| rows.get(at)) {
            Some(row) => Some(row.cursor(self.selection.table)?),
            None => None,
        };
        let continue_cursor = match &split_cursor {
            Some(cut) if more => cut.clone(),
            _ => end.to_owned(),
        };
        Ok(Page {
            is_done: !more,
            continue_cursor,
            split_cursor,
            page: documents(self.selection.table, rows)?,
        })
    }

    /// Returns the first `limit` rows of a range.
    fn rows(&self, range: &Range<'_>, limit: u32) -> Result<Rows, LunoraError> {
        let statement = RangeStatement::new(self.plan()?, self.selection.table, range, limit)?;
        let rows = self.run.state.database.exec(&statement.sql, &cells(&statement.values))?.rows;
        statement.cut(rows, limit)
    }
}

/// The documents after one cursor, up to another one and with it.
pub(crate) struct Range<'a> {
    pub(crate) after: Option<&'a str>,
    pub(crate) up_to: Option<&'a str>,
}

/// The statement of a range's rows.
pub(crate) struct RangeStatement {
    pub(crate) sql: String,
    pub(crate) values: Vec<SqlValue>,
    table: &'static str,
    pub(crate) order: Vec<OrderBy>,
    end: Option<Vec<SqlValue>>,
}

impl RangeStatement {
    /// Selects the first `limit` rows of a range, and one more if there is one.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for a cursor of another query.
    pub(crate) fn new(
        plan: Plan,
        table: &'static str,
        range: &Range<'_>,
        limit: u32,
    ) -> Result<Self, LunoraError> {
        let Plan { mut filter, mut values, order, .. } = plan;
        let start = position(range.after, &order)?;
        let end = position(range.up_to, &order)?;
        let conditions = [
            start.as_ref().map(|start| beyond(&order, start, true)),
            end.as_ref().and_then(|end| stop_at(&order, start.as_deref(), end)),
        ];
        for (sql, bound) in conditions.into_iter().flatten() {
            filter.push_str(" AND ");
            filter.push_str(&sql);
            values.extend(bound);
        }
        let sql = format!(
            "SELECT \"doc\",{} FROM \"{table}\" WHERE {filter} ORDER BY {} LIMIT {}",
            position_columns(&order),
            order_sql(&order),
            u64::from(limit) + 1,
        );
        Ok(Self { sql, values, table, order, end })
    }

    /// Takes the rows of the range from those of the statement.
    pub(crate) fn cut(&self, rows: Vec<Vec<SqlCell>>, limit: u32) -> Result<Rows, LunoraError> {
        let mut rows: Vec<_> = rows.into_iter().map(Row).collect();
        if let Some(end) = &self.end {
            let mut within = 0;
            for row in &rows {
                if is_beyond(&self.order, &row.position(self.table)?, end) {
                    break;
                }
                within += 1;
            }
            rows.truncate(within);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Rows { rows, more })
    }
}

/// The first rows of a range.
pub(crate) struct Rows {
    rows: Vec<Row>,
    /// `true` if the range has rows after these.
    more: bool,
}

impl Rows {
    /// Returns the page of these rows, which begins at `cursor`.
    pub(crate) fn into_page<T: DeserializeOwned>(
        self,
        table: &str,
        cursor: Option<&str>,
    ) -> Result<Page<Document<T>>, LunoraError> {
        let continue_cursor = match self.rows.last() {
            Some(row) => row.cursor(table)?,
            None => cursor.unwrap_or_default().to_owned(),
        };
        Ok(Page {
            is_done: !self.more,
            continue_cursor,
            split_cursor: None,
            page: documents(table, self.rows)?,
        })
    }
}

fn documents<T: DeserializeOwned>(
    table: &str,
    rows: Vec<Row>,
) -> Result<Vec<Document<T>>, LunoraError> {
    let document = |Row(cells): Row| match cells.into_iter().next() {
        Some(SqlCell::Text(json)) => Document::read(table, &json),
        _ => Err(malformed(table)),
    };
    rows.into_iter().map(document).collect()
}

/// A document, and the columns of its position.
struct Row(Vec<SqlCell>);

impl Row {
    fn position(&self, table: &str) -> Result<Vec<SqlValue>, LunoraError> {
        read_position(self.0.iter().skip(1).cloned()).ok_or_else(|| malformed(table))
    }

    fn cursor(&self, table: &str) -> Result<String, LunoraError> {
        write_cursor(self.position(table)?)
    }
}

/// Returns the position of a cursor in an order; an empty cursor counts as absent.
fn position(cursor: Option<&str>, order: &[OrderBy]) -> Result<Option<Vec<SqlValue>>, LunoraError> {
    let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
    let position = read_cursor(cursor).filter(|position| position.len() == order.len());
    position
        .map(Some)
        .ok_or_else(|| LunoraError::bad_request("the cursor belongs to another query"))
}

pub(crate) fn write_cursor(position: Vec<SqlValue>) -> Result<String, LunoraError> {
    let stops: Vec<_> = position.into_iter().map(Stop).collect();
    let json = serde_json::to_vec(&stops).map_err(LunoraError::internal)?;
    Ok(BASE64_URL.encode(json))
}

pub(crate) fn read_cursor(cursor: &str) -> Option<Vec<SqlValue>> {
    let json = BASE64_URL.decode(cursor).ok()?;
    let stops: Vec<Stop> = serde_json::from_slice(&json).ok()?;
    Some(stops.into_iter().map(|Stop(value)| value).collect())
}
