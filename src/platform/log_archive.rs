//! Logs that outlive their shard.

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::errors::LunoraError;

/// A permanent archive of logs, such as a table of R2 Data Catalog.
pub trait LogArchive: 'static {
    /// Returns the lines that a query selects, the latest first.
    fn query<'a>(&'a self, query: &'a LogQuery)
    -> LocalBoxFuture<'a, Result<LogPage, LunoraError>>;
}

/// A selection of lines; a field that is not set matches every line.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct LogQuery {
    /// The function that wrote the line.
    pub function_path: Option<String>,
    /// The prefix of the function's path.
    pub function_path_prefix: Option<String>,
    /// The trace that the line belongs to.
    pub trace_id: Option<String>,
    /// The shard that it was written on.
    pub shard_key: Option<String>,
    /// The user that it was written for.
    pub user_id: Option<String>,
    /// Its level.
    pub level: Option<LogLevel>,
    /// The lowest level.
    pub min_level: Option<LogLevel>,
    /// The earliest time, in milliseconds since 1970.
    pub since_ts: Option<f64>,
    /// The latest time, in milliseconds since 1970.
    pub until_ts: Option<f64>,
    /// The maximum number of lines.
    pub limit: Option<u32>,
    /// The end of the last page.
    pub cursor: Option<LogCursor>,
}

/// The end of a page of lines.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, serde::Serialize)]
pub struct LogCursor {
    /// The time of its last line, in milliseconds since 1970.
    pub ts: f64,
}

/// The severity of a line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// A detail for debugging.
    Debug,
    /// A normal event.
    Info,
    /// An unexpected event.
    Warn,
    /// A failure.
    Error,
}

/// Some lines of the archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// The lines, each an object.
    pub rows: Vec<Map<String, Value>>,
    /// The cursor of the next page; `None` after the last page.
    pub next_cursor: Option<LogCursor>,
}
