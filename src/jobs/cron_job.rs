//! Jobs that run by cron.

use std::{fmt, rc::Rc};

use futures::future::LocalBoxFuture;
use serde::{Serialize, ser::SerializeMap};
use serde_json::value::{RawValue, to_raw_value};

use super::{SystemCall, call};
use crate::{
    errors::LunoraError,
    platform::{CronExpression, Deadline, ResolvedShard, Workflow},
    wire::ShardKey,
};

/// A named job that a trigger starts: a function of a shard, or a workflow.
///
/// Unlike a handler of [`cron`](crate::builder::Builder::cron) it has a name, so that operators can list it
/// and run it (`/_lunora/admin/cron-jobs`).
///
/// A function runs as the server: it may be internal, and no gate of the application is asked. The
/// shard identifies each run by the job's name and its due time, so that a trigger that fires twice
/// runs a mutation once.
///
/// ```
/// use lunora::{cron, schedule::CronJob};
/// use serde_json::json;
///
/// let sweep = CronJob::function("sweep", cron!("0 * * * *"), "messages:sweep")
///     .with_args(&json!({ "olderThanDays": 30 }))?
///     .with_shard_key("general".parse()?);
/// assert_eq!(sweep.name(), "sweep");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CronJob {
    name: String,
    cron: CronExpression,
    target: Target,
    args: Option<Box<RawValue>>,
}

/// The target of a job.
#[derive(Clone)]
pub(crate) enum Target {
    /// A function of a shard, or of several.
    Function { path: String, shards: Shards },
    /// A workflow, with the name that operators see.
    Workflow { binding: String, workflow: Rc<dyn Workflow> },
}

/// The shards that a function runs on.
#[derive(Clone)]
pub(crate) enum Shards {
    /// The default shard.
    Default,
    /// The shard of this key.
    Of(ShardKey),
    /// Every shard of a table.
    Each(String),
}

impl CronJob {
    /// Creates a job that calls the function `path`, such as `"messages:sweep"`, on the default
    /// shard.
    pub fn function(
        name: impl Into<String>,
        cron: CronExpression,
        path: impl Into<String>,
    ) -> Self {
        let target = Target::Function { path: path.into(), shards: Shards::Default };
        Self { name: name.into(), cron, target, args: None }
    }

    /// Creates a job that starts an instance of a workflow; operators see it as `binding`.
    pub fn workflow(
        name: impl Into<String>,
        cron: CronExpression,
        binding: impl Into<String>,
        workflow: impl Workflow,
    ) -> Self {
        let target = Target::Workflow { binding: binding.into(), workflow: Rc::new(workflow) };
        Self { name: name.into(), cron, target, args: None }
    }

    /// Sets the arguments of the function, or the parameters of the workflow. Default: `{}`.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` if `args` is not an object in JSON, or cannot be written as JSON.
    pub fn with_args(mut self, args: &impl Serialize) -> Result<Self, LunoraError> {
        let args = to_raw_value(args).ok().filter(|args| args.get().starts_with('{'));
        self.args = Some(args.ok_or_else(|| LunoraError::bad_request("args must be an object"))?);
        Ok(self)
    }

    /// Sets the shard that the function runs on. A workflow ignores it.
    #[must_use]
    pub fn with_shard_key(mut self, key: ShardKey) -> Self {
        if let Target::Function { shards, .. } = &mut self.target {
            *shards = Shards::Of(key);
        }
        self
    }

    /// Has the function run on every shard of a table, 16 at a time. A workflow ignores it.
    ///
    /// The shards are those that the query coordinator lists, or the default shard if it lists none; without a
    /// coordinator the job fails. A shard that fails stops no other, and fails the job. Each shard identifies the run,
    /// so that a trigger that fires twice runs a mutation once on each.
    ///
    /// ```
    /// use lunora::{cron, schedule::CronJob};
    ///
    /// let sweep = CronJob::function("sweep", cron!("0 4 * * *"), "messages:sweep").on_each_shard_of("messages");
    /// # let _ = sweep;
    /// ```
    #[must_use]
    pub fn on_each_shard_of(mut self, table: impl Into<String>) -> Self {
        if let Target::Function { shards, .. } = &mut self.target {
            *shards = Shards::Each(table.into());
        }
        self
    }

    /// Returns the table on whose shards the function runs.
    pub(crate) fn table(&self) -> Option<&str> {
        match &self.target {
            Target::Function { shards: Shards::Each(table), .. } => Some(table),
            _ => None,
        }
    }

    /// Returns the name of the job.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the trigger that starts the job.
    #[must_use]
    pub fn cron(&self) -> &CronExpression {
        &self.cron
    }

    /// Returns the arguments, as the JSON text of an object.
    pub(crate) fn args(&self) -> &str {
        self.args.as_deref().map_or("{}", RawValue::get)
    }

    /// Runs the job, on the shard of `key` unless it names one. `due_ms` is the due time of its trigger; absent for a
    /// run that an operator requested, which is always a separate run.
    pub(crate) fn run<'a>(
        &'a self,
        due_ms: Option<i64>,
        key: &'a ShardKey,
        shard: &'a dyn Fn(ShardKey) -> ResolvedShard,
        deadline: Deadline<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move {
            let id = due_ms.map(|due| instance_id(&self.name, due));
            match &self.target {
                Target::Function { path, shards } => {
                    let call = SystemCall {
                        function_path: path,
                        args: self.args(),
                        mutation_id: id.as_deref(),
                    };
                    let key = if let Shards::Of(own) = shards { own } else { key }.clone();
                    let request = call.to_request()?;
                    let ran = async { call::outcome(shard(key).fetch(request).await?).await };
                    deadline.run("the shard", ran).await?
                }
                Target::Workflow { workflow, .. } => {
                    workflow.create(id.as_deref(), self.args()).await.map(drop)
                }
            }
        })
    }
}

/// Returns the id of one run of a job: letters, digits, `-` and `_` only, as a workflow's instance
/// requires, and different for different names.
fn instance_id(name: &str, due_ms: i64) -> String {
    use std::fmt::Write;

    let mut id = String::from("cron-");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            id.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(id, "_{byte:02x}");
        }
    }
    let _ = write!(id, "-{due_ms}");
    id
}

/// Serializes the job as operators see it: `{"args","cron","functionPath","name","shardKey"}`; one of
/// every shard of a table has `table` in place of `shardKey`; a workflow has `workflow` in place of `functionPath`.
impl Serialize for CronJob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("args", &self.args)?;
        map.serialize_entry("cron", self.cron.as_str())?;
        match &self.target {
            Target::Function { path, shards } => {
                map.serialize_entry("functionPath", path)?;
                match shards {
                    Shards::Default => {}
                    Shards::Of(key) => map.serialize_entry("shardKey", key.as_str())?,
                    Shards::Each(table) => map.serialize_entry("table", table)?,
                }
            }
            Target::Workflow { binding, .. } => map.serialize_entry("workflow", binding)?,
        }
        map.serialize_entry("name", &self.name)?;
        map.end()
    }
}

impl fmt::Debug for CronJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CronJob")
            .field("name", &self.name)
            .field("cron", &self.cron)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_its_own_id_that_a_workflow_accepts() {
        let ids = ["a b", "a_20b", "a-b", "ab", "größe"].map(|name| instance_id(name, 5));
        for (place, id) in ids.iter().enumerate() {
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{id}");
            assert!(!ids[..place].contains(id), "{id}");
        }
        assert_ne!(instance_id("a", 5), instance_id("a", 6));
    }
}
