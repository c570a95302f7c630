//! A database of D1.

use futures::future::LocalBoxFuture;
use wasm_bindgen::JsValue;
use worker::{D1Database, js_sys::Uint8Array};

use crate::{
    errors::LunoraError,
    platform::{DatabaseRows, DatabaseStatement, GlobalDatabase, SqlCell},
};

impl GlobalDatabase for D1Database {
    fn run(
        &self,
        statements: Vec<DatabaseStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<DatabaseRows>, LunoraError>> {
        Box::pin(async move {
            let mut batch = Vec::with_capacity(statements.len());
            for DatabaseStatement { sql, values } in statements {
                let values: Vec<JsValue> = values.iter().map(bound).collect();
                batch.push(self.prepare(&*sql).bind(&values)?);
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

fn bound(value: &SqlCell) -> JsValue {
    match value {
        SqlCell::Null => JsValue::NULL,
        SqlCell::Number(number) => (*number).into(),
        SqlCell::Text(text) => text.into(),
        SqlCell::Blob(bytes) => Uint8Array::from(&**bytes).into(),
    }
}
