//! The latest failures of functions while the object is awake.

use std::{cell::RefCell, collections::VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    errors::LunoraError,
    wire::operation::{AnswerOf, ArgsOf, GetLogs},
};

impl ArgsOf<GetLogs> for LogsArgs {}
impl AnswerOf<GetLogs> for Logs {}

/// The number of failures that are kept.
const MOST: usize = 200;

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 2048;

/// The latest failures that are the server's fault: what the log says of them, without arguments.
#[derive(Debug, Default)]
pub(crate) struct Failures(RefCell<VecDeque<Failure>>);

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    ts: u64,
    level: &'static str,
    function_path: String,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation_id: Option<String>,
}

/// The failures to return.
#[derive(Deserialize)]
pub(crate) struct LogsArgs {
    limit: Option<usize>,
    level: Option<String>,
}

/// The failures, the latest first.
#[derive(Serialize)]
pub(crate) struct Logs {
    entries: Vec<Failure>,
}

impl Failures {
    /// Records the failure of a function, unless it is the caller's fault.
    pub(crate) fn record(
        &self,
        ts: u64,
        path: &str,
        mutation_id: Option<&str>,
        error: &LunoraError,
    ) {
        if !error.status().is_server_error() {
            return;
        }
        let mut message = error.to_log_line();
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let mut failures = self.0.borrow_mut();
        if failures.len() == MOST {
            failures.pop_front();
        }
        failures.push_back(Failure {
            ts,
            level: LEVEL,
            function_path: path.to_owned(),
            code: error.code().to_owned(),
            message,
            mutation_id: mutation_id.map(str::to_owned),
        });
    }

    /// Returns the latest failures.
    pub(crate) fn latest(&self, args: &LogsArgs) -> Logs {
        let limit = match args.level.as_deref() {
            None | Some(LEVEL) => args.limit.unwrap_or(MOST),
            Some(_) => 0,
        };
        Logs { entries: self.0.borrow().iter().rev().take(limit).cloned().collect() }
    }
}

/// Nothing but errors is kept.
const LEVEL: &str = "error";
