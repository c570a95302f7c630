//! The calls that shards make later, those of every shard (docs/wire.md, "Scheduled calls").

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{super::ShardFailure, AdminCall, ShardAdmin, read};
use crate::{
    errors::{Code, LunoraError},
    wire::{
        ShardKey,
        operation::{AnswerOf, DeleteRows, Deleted, Operation, PatchRows, ReadTablePage},
    },
};

/// The table of the calls in each shard.
const TABLE: &str = "scheduled";
/// The calls of one shard in a list.
const MOST: usize = 500;
/// The fewest rows that a shard lists; the total comes with them.
const FEWEST: usize = 1;

/// The calls of every shard.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ScheduledCalls {
    /// The next ones first.
    pub(crate) records: Vec<Record>,
    /// Whether a shard has more calls than are listed.
    pub(crate) truncated: bool,
    #[serde(skip)]
    total: u64,
}

/// A call that a shard makes later, or gave up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The key of the shard and the id of the call there.
    id: String,
    function_path: String,
    args: Box<RawValue>,
    shard_key: String,
    /// When it is made, in milliseconds since 1970; `null` for one that was given up.
    scheduled_for: Option<f64>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(rename = "_id")]
    id: String,
    function_path: String,
    args: Box<RawValue>,
    due: Option<f64>,
    attempts: u32,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<Row>,
    #[serde(default)]
    total: u64,
}

impl AnswerOf<ReadTablePage> for Rows {}

impl ShardAdmin {
    /// Lists the calls that are waiting, or those that were given up.
    ///
    /// # Errors
    /// If a shard gives no answer: a call that is missing in the list must not pass for one that was made.
    pub(crate) async fn scheduled(&self, given_up: bool) -> Result<ScheduledCalls, LunoraError> {
        self.calls(given_up, MOST).await
    }

    /// Counts the calls that are waiting.
    ///
    /// # Errors
    /// As [`scheduled`](Self::scheduled).
    pub(crate) async fn count_scheduled(&self) -> Result<u64, LunoraError> {
        Ok(self.calls(false, FEWEST).await?.total)
    }

    async fn calls(&self, given_up: bool, most: usize) -> Result<ScheduledCalls, LunoraError> {
        let op = if given_up { "isNull" } else { "isNotNull" };
        let call = AdminCall::of_text::<ReadTablePage>(&format!(
            r#"{{"table":"{TABLE}","limit":{most},"filters":[{{"column":"due","op":"{op}"}}],"orderBy":{{"column":"due"}}}}"#
        ));
        let mut calls = ScheduledCalls::default();
        for (key, answer) in self.ask_all(self.shards_of(TABLE).await?, &call).await {
            let answer = match answer {
                Err(failure) if is_without_table(&failure) => continue,
                answer => answer.map_err(ShardFailure::into_error)?,
            };
            let Rows { rows, total } =
                read::<ReadTablePage, Rows>(&key, &answer).map_err(ShardFailure::into_error)?;
            calls.truncated |= total > rows.len() as u64;
            calls.total += total;
            calls.records.extend(rows.into_iter().map(|row| row.of(&key)));
        }
        crate::sort::sort_by(&mut calls.records, |a, b| {
            a.scheduled_for.unwrap_or_default().total_cmp(&b.scheduled_for.unwrap_or_default())
        });
        Ok(calls)
    }

    /// Removes a call. Returns whether there was one.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for the id of no call; if the shard gives no answer.
    pub(crate) async fn cancel_scheduled(&self, id: &str) -> Result<bool, LunoraError> {
        self.change::<DeleteRows>(id, "").await
    }

    /// Has a call made now, as if it had never been tried. Returns whether there was one.
    ///
    /// # Errors
    /// As [`cancel_scheduled`](Self::cancel_scheduled).
    pub(crate) async fn retry_scheduled(&self, id: &str, now_ms: u64) -> Result<bool, LunoraError> {
        self.change::<PatchRows>(id, &format!(r#","doc":{{"attempts":0,"due":{now_ms}}}"#)).await
    }

    async fn change<O: Operation>(&self, id: &str, rest: &str) -> Result<bool, LunoraError>
    where
        Deleted: AnswerOf<O>,
    {
        let (key, id) = place_of(id)?;
        let id = serde_json::to_string(id).map_err(LunoraError::internal)?;
        let call = AdminCall::of_text::<O>(&format!(r#"{{"table":"{TABLE}","ids":[{id}]{rest}}}"#));
        let answer = self.ask(&key, &call).await.map_err(ShardFailure::into_error)?;
        let changed = read::<O, Deleted>(&key, &answer).map_err(ShardFailure::into_error)?;
        Ok(changed.count > 0)
    }
}

impl Row {
    fn of(self, key: &ShardKey) -> Record {
        Record {
            id: format!("{key}:{}", self.id),
            function_path: self.function_path,
            args: self.args,
            shard_key: key.to_string(),
            scheduled_for: self.due,
            attempts: self.attempts,
            error: self.error,
        }
    }
}

/// Returns the shard of a call and its id there.
fn place_of(id: &str) -> Result<(ShardKey, &str), LunoraError> {
    let unknown =
        || LunoraError::bad_request("`id` must be that of a record of `/_lunora/admin/scheduled`");
    let (key, id) = id.rsplit_once(':').ok_or_else(unknown)?;
    Ok((ShardKey::new(key).map_err(|_| unknown())?, id))
}

/// Returns whether a shard answered that it has no table of calls.
fn is_without_table(failure: &ShardFailure) -> bool {
    failure.code == Code::UnknownTable.as_str()
}
