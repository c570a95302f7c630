//! `logs/archive`: logs that outlive their shard.

use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::LunoraError,
    message::Response,
    platform::{LogArchive, LogCursor, LogQuery},
};

/// The route for the log archive of an application.
pub(crate) struct Logs<T>(pub(crate) T);

impl<T: LogArchive> AreaHandler for Logs<T> {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            rows: Vec<Map<String, Value>>,
            next_cursor: Option<LogCursor>,
        }

        Box::pin(async move {
            if call.op() != "logs/archive" {
                return Err(unhandled(&call));
            }
            let query: LogQuery = call.body("Log archive").await?;
            let page = self.0.query(&query).await?;
            Response::json(&Page { rows: page.rows, next_cursor: page.next_cursor })
        })
    }
}
