//! `runSql`: a statement of an operator that reads.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::cells,
        sql::{
            SqlValue,
            statement::{Effect, Statement},
        },
        state::State,
    },
    wire::{
        operation::{ArgsOf, RunSql},
        value::{TypedBytes, Value},
    },
};

impl ArgsOf<RunSql> for SqlArgs {}

#[derive(Deserialize)]
pub(super) struct SqlArgs {
    sql: String,
    #[serde(default)]
    params: Vec<Box<RawValue>>,
    limit: Option<u64>,
}

const MAX_ROWS: u64 = 500;

/// The largest list of rows, in bytes of JSON.
const MAX_BYTES: usize = 1024 * 1024;

/// Runs a statement that reads, and returns `{"columns","rows","truncated"}`.
///
/// Nothing that it does stays: its keyword is checked, a query runs within a `SELECT` of the
/// shard's, which no writing statement can be part of, and the transaction is rolled back.
pub(super) fn run(state: &State, args: &SqlArgs) -> Result<String, LunoraError> {
    let limit = args.limit.unwrap_or(MAX_ROWS).clamp(1, MAX_ROWS);
    let values = args.params.iter().enumerate().map(|(at, param)| bound(at, param));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let sql = reading(&args.sql, &values, limit + 1)?;
    let rows = state.database.without_effect(|| {
        let rows = state.host().exec(&sql, &cells(&values));
        rows.map_err(|failure| {
            LunoraError::bad_request(format!("the statement failed: {}", failure.0))
        })
    })?;
    if rows.rows_written > 0 {
        return Err(LunoraError::bad_request("the statement writes; its writes were undone"));
    }
    let columns = serde_json::to_string(&rows.columns).map_err(LunoraError::internal)?;
    let (mut list, mut truncated) = (String::new(), rows.rows.len() as u64 > limit);
    for row in rows.rows.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
        let row = Value::Array(row.into_iter().map(value).collect());
        let row = row.to_wire().map_err(LunoraError::internal)?;
        if list.len() + row.len() >= MAX_BYTES {
            truncated = true;
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&row);
    }
    Ok(format!(r#"{{"columns":{columns},"rows":[{list}],"truncated":{truncated}}}"#))
}

/// Returns the statement to run, which returns `limit` rows at most.
fn reading(sql: &str, values: &[SqlValue], limit: u64) -> Result<String, LunoraError> {
    let refused = |error| LunoraError::bad_request(format!("the statement is refused: {error}"));
    let statement = Statement::parse(sql).map_err(refused)?;
    // Without a comment behind it, or a semicolon.
    let statement = Statement::parse(statement.own_text()).map_err(refused)?;
    let explained = statement.explained();
    if explained.as_ref().unwrap_or(&statement).effect() != Ok(Effect::Reads) {
        let message = "the statement is refused: expected one SELECT, WITH … SELECT, VALUES, or EXPLAIN QUERY PLAN of these";
        return Err(LunoraError::bad_request(message));
    }
    let sql = statement.with_integers(|at| values.get(at).is_some_and(SqlValue::is_integer));
    if explained.is_some() {
        return Ok(sql);
    }
    Ok(format!("SELECT * FROM ({sql}) LIMIT {limit}"))
}

/// Reads a parameter.
fn bound(at: usize, param: &RawValue) -> Result<SqlValue, LunoraError> {
    let value = match Value::from_wire(param.get()).unwrap_or(Value::Undefined) {
        Value::Null => Some(SqlValue::Null),
        Value::Bool(flag) => Some(flag.into()),
        Value::Number(number) => {
            Some(param.get().parse().map_or(SqlValue::Real(number), SqlValue::Integer))
        }
        Value::BigInt(integer) => i64::try_from(&integer).ok().map(SqlValue::Integer),
        Value::String(text) => Some(text.into()),
        Value::Bytes(bytes) => Some(bytes.as_slice().into()),
        _ => None,
    };
    value.ok_or_else(|| {
        LunoraError::bad_request(format!(
            "params[{at}]: expected null, a boolean, a number, a string, bytes or an integer of 64 bits"
        ))
    })
}

fn value(cell: SqlCell) -> Value {
    match cell {
        SqlCell::Null => Value::Null,
        SqlCell::Number(number) => Value::Number(number),
        SqlCell::Text(text) => Value::String(text),
        SqlCell::Blob(bytes) => Value::Bytes(TypedBytes::from(bytes)),
    }
}
