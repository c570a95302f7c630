//! The documents that an operator selects: by conditions, by a text in them, in an order.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::cells,
        db::{
            fields::{CREATION_TIME, ID},
            key,
            keyset::OrderBy,
        },
        names::is_field,
        sql::SqlValue,
        table::TableSpec,
    },
    wire::{
        Direction,
        operation::{Filter, FilterOp},
    },
};

/// The maximum number of conditions: the statement has at most 100 KB.
const MAX_FILTERS: usize = 10;

/// Conditions on the documents of a table.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// The conditions in SQL, each behind an ` AND `.
    pub(super) sql: String,
    values: Vec<SqlValue>,
}

impl Selection {
    /// Reads `filters` and `search`.
    pub(super) fn read(
        table: &TableSpec,
        filters: Option<&RawValue>,
        search: Option<&str>,
    ) -> Result<Self, LunoraError> {
        let filters = Filter::parse_all(filters.map(RawValue::get))?;
        if filters.len() > MAX_FILTERS {
            let message =
                format!("`filters` has {} conditions: at most {MAX_FILTERS}", filters.len());
            return Err(LunoraError::bad_request(message));
        }
        let mut selection = Self::default();
        for filter in &filters {
            let (sql, value) = condition(table, filter)?;
            selection.push(&sql, value);
        }
        if let Some(search) = search.filter(|search| !search.is_empty()) {
            selection.push(
                "EXISTS(SELECT 1 FROM json_each(\"doc\") WHERE \"type\"='text' AND instr(lower(\"value\"),?))",
                Some(search.to_ascii_lowercase().into()),
            );
        }
        Ok(selection)
    }

    /// Returns whether it selects every document.
    pub(super) fn is_everything(&self) -> bool {
        self.sql.is_empty()
    }

    /// Returns the bound values, followed by `more`.
    pub(super) fn cells(&self, more: impl IntoIterator<Item = SqlCell>) -> Vec<SqlCell> {
        cells(&self.values).into_iter().chain(more).collect()
    }

    fn push(&mut self, condition: &str, value: Option<SqlValue>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(value);
    }
}

/// Returns the SQL of a condition, and the value that it binds.
fn condition(
    table: &TableSpec,
    filter: &Filter,
) -> Result<(String, Option<SqlValue>), LunoraError> {
    let column = &filter.column;
    let mut by = expression(table, column)?;
    let value = match key::of_json(filter.value()) {
        // SQLite would turn a text into a number to compare it with a column of numbers; a blob
        // sorts behind numbers too.
        SqlValue::Text(text) if column == CREATION_TIME => SqlValue::Blob(text.into_bytes()),
        value => value,
    };
    if column == ID && !matches!(value, SqlValue::Text(_)) {
        // Nor may it turn a number into a text.
        by.insert(0, '+');
    }
    let operator = match filter.op {
        FilterOp::IsNull => return Ok((format!("{by} IS NULL"), None)),
        FilterOp::IsNotNull => return Ok((format!("{by} IS NOT NULL"), None)),
        FilterOp::Contains => {
            let text: String = serde_json::from_str(filter.value()).map_err(|_| {
                LunoraError::bad_request(format!("`contains` on {column:?} expects a string"))
            })?;
            let sql = format!("CASE typeof({by}) WHEN 'text' THEN instr(lower({by}),?) END");
            return Ok((sql, Some(text.to_ascii_lowercase().into())));
        }
        FilterOp::Eq => " IS ",
        FilterOp::Neq => " IS NOT ",
        FilterOp::Gt => ">",
        FilterOp::Gte => ">=",
        FilterOp::Lt => "<",
        FilterOp::Lte => "<=",
    };
    if value == SqlValue::Null && !matches!(filter.op, FilterOp::Eq | FilterOp::Neq) {
        let message = format!("a comparison of {column:?} expects a value, got null or NaN");
        return Err(LunoraError::bad_request(message));
    }
    Ok((format!("{by}{operator}{}", value.placeholder()), Some(value)))
}

/// Reads `orderBy`; without it the order is that of creation. Documents with the same value come in
/// the order of creation too, so that every page continues the one before it.
pub(super) fn order_of(
    table: &TableSpec,
    order_by: Option<&RawValue>,
) -> Result<Vec<OrderBy>, LunoraError> {
    #[derive(Deserialize)]
    struct By {
        #[serde(alias = "field")]
        column: String,
        direction: Option<Direction>,
    }

    let by: Option<By> = match order_by {
        None => None,
        Some(json) => serde_json::from_str(json.get()).map_err(|error| {
            LunoraError::bad_request(format!(
                "`orderBy` must be {{\"column\", \"direction\"?: \"asc\" | \"desc\"}}: {error}"
            ))
        })?,
    };
    let (mut expressions, mut direction) = (Vec::new(), Direction::Asc);
    if let Some(by) = by {
        expressions.push(expression(table, &by.column)?);
        direction = by.direction.unwrap_or(direction);
    }
    for last in [key::expression(CREATION_TIME), "\"_id\"".to_owned()] {
        if !expressions.contains(&last) {
            expressions.push(last);
        }
    }
    Ok(expressions.into_iter().map(|expression| OrderBy { expression, direction }).collect())
}

/// Returns the SQL of a field's value, by which an index sorts it as well.
fn expression(table: &TableSpec, column: &str) -> Result<String, LunoraError> {
    if column == ID {
        return Ok("\"_id\"".to_owned());
    }
    let first = column.split('.').next().unwrap_or_default();
    if column != CREATION_TIME {
        if let Some(known) = table.fields()
            && !known.contains(&first)
        {
            let known = [&[ID, CREATION_TIME], known].concat().join("`, `");
            let message = format!(
                "the table {:?} has no field {column:?}: expected one of `{known}`",
                table.name
            );
            return Err(LunoraError::bad_request(message));
        }
        if !is_field(column) {
            let message = format!(
                "documents cannot be selected by {column:?}: expected the name of a field in ASCII letters, digits and `_`; a dot leads into an object"
            );
            return Err(LunoraError::bad_request(message));
        }
    }
    Ok(key::expression(column))
}
