//! Calls that a mutation leaves for later.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{db::Writer, function::args::to_text, run::Run, table::Table};
use crate::{
    errors::{Code, LunoraError},
    platform::millis,
    wire::value::Value,
};

/// [`SCHEDULED`](crate::shard::SCHEDULED), without what makes its calls.
pub(super) const CALLS: Table<ScheduledCall> = crate::table!("scheduled").index("by_due", &["due"]);

/// A call that is to be made later.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScheduledCall {
    /// The path of the mutation or the action.
    pub function_path: String,
    /// Its arguments.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    pub args: Value,
    /// When it is made, in milliseconds since 1970; for a call that was made and may have been cut off, when
    /// it is made again. `None` for one that failed for good.
    pub due: Option<u64>,
    /// How often it was made.
    pub attempts: u32,
    /// The error of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Has functions of this shard called later.
///
/// A call is written in the transaction of the mutation, and rolled back with it. The shard makes it when it is
/// due, or as soon as it can afterwards, as the server and without a user; a restart loses none. A mutation is
/// applied once. An action is made again if it was cut off, after 15 minutes.
///
/// A call that fails is made again after a second, and then after twice the time each time, at most an hour; after 12
/// attempts it stays in [`SCHEDULED`](crate::shard::SCHEDULED) with its error until an operator retries or removes it.
///
/// ```
/// use std::time::Duration;
/// use lunora::{LunoraError, shard::{Mutation, NoArgs, SCHEDULED, ScheduledCall}};
///
/// fn lock(ctx: &Mutation<'_>, _: NoArgs) -> Result<String, LunoraError> {
///     ctx.scheduler().run_after(Duration::from_secs(60), "room:unlock", &NoArgs {})
/// }
///
/// fn unlock(_ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> { Ok(()) }
///
/// lunora::shard! {
///     pub struct Room;
///     tables: [SCHEDULED],
///     functions: {
///         mutation "room:lock" => lock,
///         internal mutation "room:unlock" => unlock,
///     },
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Copy)]
pub struct Scheduler<'a> {
    run: &'a Run<'a>,
}

impl<'a> Scheduler<'a> {
    /// The last time that JavaScript can represent, in milliseconds since 1970.
    const LAST_MS: u64 = 8_640_000_000_000_000;

    pub(crate) fn new(run: &'a Run<'a>) -> Self {
        Self { run }
    }

    /// Has a mutation or an action of this shard called after a time, internal ones included. Returns the id of
    /// the call.
    ///
    /// # Errors
    /// 404 `FUNCTION_NOT_FOUND` if the path is that of no mutation and no action; 500 `MISCONFIGURED` if the shard
    /// has no table [`SCHEDULED`](crate::shard::SCHEDULED); 400 `BAD_REQUEST` if the arguments are no object.
    pub fn run_after(
        &self,
        delay: Duration,
        path: &str,
        args: &impl Serialize,
    ) -> Result<String, LunoraError> {
        self.run_at(self.run.now_ms.saturating_add(millis(delay)), path, args)
    }

    /// Has a mutation or an action of this shard called at a time, in milliseconds since 1970. A time that is past
    /// is now. Returns the id of the call.
    ///
    /// # Errors
    /// As [`run_after`](Self::run_after).
    pub fn run_at(
        &self,
        at_ms: u64,
        path: &str,
        args: &impl Serialize,
    ) -> Result<String, LunoraError> {
        let args = Value::from_wire(&to_text(args)?).map_err(LunoraError::internal)?;
        if !matches!(args, Value::Object(_)) {
            return Err(LunoraError::bad_request("args must be an object"));
        }
        self.run.check_schedulable(path)?;
        let call = ScheduledCall {
            function_path: path.to_owned(),
            args,
            due: Some(at_ms.min(Self::LAST_MS)),
            attempts: 0,
            error: None,
        };
        Ok(self.calls()?.insert(CALLS, call)?.id)
    }

    /// Removes a call. Returns `false` if there is none of this id: it was made, or removed before.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if the shard has no table [`SCHEDULED`](crate::shard::SCHEDULED).
    pub fn cancel(&self, id: &str) -> Result<bool, LunoraError> {
        self.calls()?.delete(CALLS, id)
    }

    fn calls(&self) -> Result<Writer<'a>, LunoraError> {
        if !self.run.state.table(CALLS.name()).is_ok_and(|table| table.calls().is_some()) {
            let message = "the shard cannot schedule: add `SCHEDULED` to the tables of `shard!`";
            return Err(LunoraError::new(Code::Misconfigured, message));
        }
        Ok(Writer::new(self.run))
    }
}

impl fmt::Debug for Scheduler<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}
