//! A database of D1 as that of sessions.

use futures::future::LocalBoxFuture;
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::D1Database;

use crate::{
    errors::LunoraError,
    platform::{SessionRows, SessionStatement, SessionStore},
};

impl SessionStore for D1Database {
    fn run(
        &self,
        statements: Vec<SessionStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<SessionRows>, LunoraError>> {
        Box::pin(async move {
            let mut batch = Vec::with_capacity(statements.len());
            for SessionStatement { sql, values } in statements {
                let values: Vec<JsValue> = values.iter().map(bound).collect();
                batch.push(self.prepare(sql).bind(&values)?);
            }
            // A batch is a transaction.
            let mut rows = Vec::with_capacity(batch.len());
            for result in self.batch(batch).await? {
                rows.push(result.results()?);
            }
            Ok(rows)
        })
    }
}

fn bound(value: &Value) -> JsValue {
    match value {
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_f64().into(),
        _ => JsValue::NULL,
    }
}
