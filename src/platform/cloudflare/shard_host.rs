//! A shard's host: a Durable Object with SQLite.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use wasm_bindgen::JsValue;
use worker::{Env, SqlStorage, State};

use super::{crashes, error::JsFailure, glue, recovery};
use crate::{
    errors::LunoraError,
    platform::{Environment, ShardHost, ShardNamespace, SqlCell, SqlFailure, SqlRows},
};

/// A shard's host: a Durable Object whose class is one of `new_sqlite_classes`.
pub struct DurableObjectHost {
    state: State,
    env: Env,
    sql: SqlStorage,
    storage: JsValue,
}

impl DurableObjectHost {
    /// Returns the object of `state`.
    #[must_use]
    pub fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let sql = storage.sql();
        Self { env, sql, storage: storage.as_raw().into(), state }
    }

    /// Returns the object itself, for its sockets.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl ShardHost for DurableObjectHost {
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure> {
        let params = if params.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&Params(params)).map_err(|error| failure(&error))?
        };
        let text = glue::exec_sql(self.sql.as_ref(), sql, &params)
            .map_err(|thrown| SqlFailure(JsFailure::from(thrown).to_string()))?;
        let Answer(columns, rows, rows_written) =
            serde_json::from_str(&text).map_err(|error| failure(&error))?;
        let rows = rows.into_iter().map(|row| row.into_iter().map(|cell| cell.0).collect());
        Ok(SqlRows { columns, rows: rows.collect(), rows_written })
    }

    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure> {
        match glue::transaction_sync(&self.storage, &mut || work()) {
            None => Ok(()),
            Some(message) => Err(SqlFailure(message)),
        }
    }

    fn database_bytes(&self) -> u64 {
        self.sql.database_size() as u64
    }

    fn shard_key(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    fn now_ms(&self) -> u64 {
        worker::Date::now().as_millis()
    }

    fn random_seed(&self) -> [u8; 32] {
        super::random_seed()
    }

    fn begin_call(&self, id: &str) -> u32 {
        crashes::begin_call(&self.state, id)
    }

    fn end_call(&self) {
        crashes::end_call(&self.state);
    }

    fn bookmark(
        &self,
        at_ms: Option<u64>,
    ) -> LocalBoxFuture<'_, Result<Option<String>, LunoraError>> {
        recovery::bookmark(&self.storage, at_ms)
    }

    fn restore_bookmark<'a>(
        &'a self,
        bookmark: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>> {
        recovery::restore_bookmark(&self.storage, bookmark)
    }

    fn restart(&self) {
        recovery::restart(&self.state);
    }

    fn var(&self, name: &str) -> Option<String> {
        Environment::var(&self.env, name)
    }

    fn env(&self) -> Option<&Env> {
        Some(&self.env)
    }

    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError> {
        Ok(Rc::new(self.env.durable_object(binding)?))
    }
}

impl std::fmt::Debug for DurableObjectHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DurableObjectHost").finish_non_exhaustive()
    }
}

fn failure(error: &serde_json::Error) -> SqlFailure {
    SqlFailure(format!("a statement's values could not cross: {error}"))
}

/// Values on their way to JavaScript, as JSON: a value that JSON lacks is an object of one field,
/// `b` for bytes as a text of Latin-1 and `n` for a number that is not finite.
struct Params<'a>(&'a [SqlCell]);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for cell in self.0 {
            list.serialize_element(&Crossing(cell))?;
        }
        list.end()
    }
}

struct Crossing<'a>(&'a SqlCell);

impl Serialize for Crossing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn tagged<S: Serializer>(to: S, name: &str, text: &str) -> Result<S::Ok, S::Error> {
            let mut map = to.serialize_map(Some(1))?;
            map.serialize_entry(name, text)?;
            map.end()
        }

        match self.0 {
            SqlCell::Null => serializer.serialize_unit(),
            SqlCell::Number(number) if number.is_nan() => serializer.serialize_unit(),
            SqlCell::Number(number) if number.is_infinite() => {
                tagged(serializer, "n", if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            SqlCell::Number(number) => serializer.serialize_f64(*number),
            SqlCell::Text(text) => serializer.serialize_str(text),
            SqlCell::Blob(bytes) => {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                tagged(serializer, "b", &text)
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer(Vec<String>, Vec<Vec<Cell>>, u64);

/// A value on its way back, in the same form.
struct Cell(SqlCell);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor).map(Self)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = SqlCell;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of SQLite")
    }

    fn visit_unit<E>(self) -> Result<SqlCell, E> {
        Ok(SqlCell::Null)
    }

    #[allow(clippy::cast_precision_loss, reason = "it was a double in JavaScript")]
    fn visit_i64<E>(self, number: i64) -> Result<SqlCell, E> {
        Ok(SqlCell::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss, reason = "it was a double in JavaScript")]
    fn visit_u64<E>(self, number: u64) -> Result<SqlCell, E> {
        Ok(SqlCell::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<SqlCell, E> {
        Ok(SqlCell::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<SqlCell, E> {
        Ok(SqlCell::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<SqlCell, E> {
        Ok(SqlCell::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SqlCell, A::Error> {
        let mut cell = SqlCell::Null;
        while let Some(key) = map.next_key::<String>()? {
            cell = match &*key {
                "b" => {
                    SqlCell::Blob(map.next_value::<String>()?.chars().map(|c| c as u8).collect())
                }
                "n" => SqlCell::Number(match &*map.next_value::<String>()? {
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => f64::NAN,
                }),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
        }
        Ok(cell)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_form_to_cross_in() {
        let cells = [
            SqlCell::Null,
            SqlCell::Number(1.0),
            SqlCell::Number(-0.5),
            SqlCell::Number(1e300),
            SqlCell::Number(f64::INFINITY),
            SqlCell::Number(f64::NEG_INFINITY),
            SqlCell::Text("a \"quoted\" \u{2028} 💬 \0".to_owned()),
            SqlCell::Blob((0..=255).collect()),
        ];
        let json = serde_json::to_string(&Params(&cells)).unwrap();
        let back: Vec<Cell> = serde_json::from_str(&json).unwrap();
        assert_eq!(back.into_iter().map(|cell| cell.0).collect::<Vec<_>>(), cells);
    }
}
