//! Logs that outlive their shard.

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::errors::LunoraError;

/// Where logs are kept for good, such as a table of R2 Data Catalog.
pub trait LogArchive: 'static {
    /// The lines that a query asks for, the latest first.
    fn query<'a>(&'a self, query: &'a LogQuery)
    -> LocalBoxFuture<'a, Result<LogPage, LunoraError>>;
}

/// Which lines to read; what is not set lets every line through.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct LogQuery {
    /// The function that wrote the line.
    pub function_path: Option<String>,
    /// What the function's path begins with.
    pub function_path_prefix: Option<String>,
    /// The trace that the line belongs to.
    pub trace_id: Option<String>,
    /// The shard that it was written on.
    pub shard_key: Option<String>,
    /// The user that it was written for.
    pub user_id: Option<String>,
    /// Its level.
    pub level: Option<LogLevel>,
    /// The least level.
    pub min_level: Option<LogLevel>,
    /// The earliest time, in milliseconds since 1970.
    pub since_ts: Option<f64>,
    /// The latest time, in milliseconds since 1970.
    pub until_ts: Option<f64>,
    /// The most lines.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<LogCursor>,
}

/// Where a page of lines ended.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, serde::Serialize)]
pub struct LogCursor {
    /// The time of its last line, in milliseconds since 1970.
    pub ts: f64,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// For whoever looks for a bug.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What went wrong.
    Error,
}

/// Some lines of the archive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// The lines, each an object.
    pub rows: Vec<Map<String, Value>>,
    /// Where to go on; `None` after the last page.
    pub next_cursor: Option<LogCursor>,
}
