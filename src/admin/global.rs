//! `global/*`: the tables that belong to no shard.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{AdminCall, AdminHost, AreaHandler, HealthCheck, unhandled};
use crate::{
    coordinator::to_column,
    errors::LunoraError,
    message::Response,
    platform::{GlobalQuery, GlobalTables, GlobalValue},
    wire::{
        AdminToken,
        operation::{Filter, FilterOp},
        value::Value as WireValue,
    },
};

/// The number of rows or values in a response if the request sets no limit.
const DEFAULT_LIMIT: u16 = 100;

/// The routes for the global tables of an application.
pub(crate) struct Globals(pub(crate) Rc<dyn GlobalTables>);

impl Globals {
    async fn tables(&self) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Table {
            name: String,
            row_count: u64,
        }

        let tables = self.0.tables().await?.into_iter();
        let tables: Vec<Table> =
            tables.map(|table| Table { name: table.name, row_count: table.row_count }).collect();
        Response::json(&tables)
    }

    async fn page(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Page {
            columns: Vec<String>,
            rows: Vec<Map<String, Value>>,
            total: u64,
        }

        let page = self.0.page(&query(call)?).await?;
        Response::json(&Page { columns: page.columns, rows: page.rows, total: page.total })
    }

    async fn facet(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Facet {
            truncated: bool,
            values: Vec<Counted>,
        }

        #[derive(Serialize)]
        struct Counted {
            count: u64,
            value: Value,
        }

        let query = query(call)?;
        let facet = self.0.facet(&query, &call.require_query("column")?).await?;
        let values = facet.values.into_iter().map(|(value, count)| Counted { count, value });
        Response::json(&Facet { truncated: facet.truncated, values: values.collect() })
    }
}

fn query(call: &AdminCall<'_>) -> Result<GlobalQuery, LunoraError> {
    Ok(GlobalQuery {
        table: call.require_query("table")?,
        filters: filters(call.query("filters").as_deref())?,
        limit: call.query_limit()?.unwrap_or(DEFAULT_LIMIT).into(),
        offset: call.query_number("offset")?.unwrap_or(0),
    })
}

/// Parses the conditions, each of which compares a column with one value.
fn filters(json: Option<&str>) -> Result<Vec<(String, GlobalValue)>, LunoraError> {
    let filter = |filter: Filter| {
        if filter.op != FilterOp::Eq {
            let message = "a global table is filtered by `eq` only";
            return Err(LunoraError::bad_request(message));
        }
        let value = WireValue::from_wire(filter.value()).ok();
        let value = value.as_ref().and_then(to_column).ok_or_else(|| {
            let message =
                "the values of `filters` must be numbers, texts, bytes, truth values or null";
            LunoraError::bad_request(message)
        })?;
        Ok((filter.column, value))
    };
    Filter::parse_all(json)?.into_iter().map(filter).collect()
}

impl AreaHandler for Globals {
    fn health_check<'a>(
        &'a self,
        _host: &'a dyn AdminHost,
        _token: Option<&'a AdminToken>,
    ) -> Option<HealthCheck<'a>> {
        let run = Box::pin(async { self.0.ping().await.map(|()| None) });
        Some(HealthCheck { name: "d1", of_binding: true, run })
    }

    fn handle<'a>(
        &'a self,
        call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "global/tables" => self.tables().await,
                "global/table" => self.page(&call).await,
                "global/facet" => self.facet(&call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}
