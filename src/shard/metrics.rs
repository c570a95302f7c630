//! The counters of a shard while it is awake.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use serde::Serialize;

use super::changes::LogSize;
use crate::wire::operation::{AnswerOf, GetFunctionStats, GetMetrics};

/// Counters since the object woke.
#[derive(Debug)]
pub(crate) struct Metrics {
    since_ms: u64,
    requests: Cell<u64>,
    errors: Cell<u64>,
    functions: RefCell<BTreeMap<String, FunctionMetrics>>,
}

/// The counters of one function.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct FunctionMetrics {
    calls: u64,
    errors: u64,
}

/// The answer to `getMetrics` (docs/wire.md, "Operations of a shard"). Counters that this shard
/// does not keep are empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    cache: Nothing,
    change_log: LogSize,
    database_size: u64,
    errors: u64,
    functions: BTreeMap<String, FunctionMetrics>,
    history: [Nothing; 0],
    history_truncated: bool,
    index_hits: Nothing,
    query_stats: [Nothing; 0],
    requests: u64,
    shard: &'a str,
    since_ms: u64,
    subscription_refresh_errors: u64,
    uptime_ms: u64,
}

impl AnswerOf<GetMetrics> for Report<'_> {}

/// The answer to `getFunctionStats`, by the paths of the functions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionStats {
    functions: Vec<FunctionStat>,
    since_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionStat {
    function_path: String,
    calls: u64,
    errors: u64,
}

impl AnswerOf<GetFunctionStats> for FunctionStats {}

#[derive(Serialize)]
struct Nothing {}

impl Metrics {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            since_ms: now_ms,
            requests: Cell::default(),
            errors: Cell::default(),
            functions: RefCell::default(),
        }
    }

    /// Counts a call. A call of an unknown function is counted without its name, which the caller
    /// chooses.
    pub(crate) fn count(&self, path: Option<&str>, failed: bool) {
        self.requests.set(self.requests.get() + 1);
        self.errors.set(self.errors.get() + u64::from(failed));
        let Some(path) = path else { return };
        let mut functions = self.functions.borrow_mut();
        if !functions.contains_key(path) {
            functions.insert(path.to_owned(), FunctionMetrics::default());
        }
        if let Some(function) = functions.get_mut(path) {
            function.calls += 1;
            function.errors += u64::from(failed);
        }
    }

    pub(crate) fn functions(&self) -> FunctionStats {
        let stat = |(path, counters): (&String, &FunctionMetrics)| FunctionStat {
            function_path: path.clone(),
            calls: counters.calls,
            errors: counters.errors,
        };
        let functions = self.functions.borrow().iter().map(stat).collect();
        FunctionStats { functions, since_ms: self.since_ms }
    }

    pub(crate) fn report<'a>(
        &self,
        shard: &'a str,
        (database_size, change_log): (u64, LogSize),
        now_ms: u64,
    ) -> Report<'a> {
        Report {
            cache: Nothing {},
            change_log,
            database_size,
            errors: self.errors.get(),
            functions: self.functions.borrow().clone(),
            history: [],
            history_truncated: false,
            index_hits: Nothing {},
            query_stats: [],
            requests: self.requests.get(),
            shard,
            since_ms: self.since_ms,
            subscription_refresh_errors: 0,
            uptime_ms: now_ms.saturating_sub(self.since_ms),
        }
    }
}
