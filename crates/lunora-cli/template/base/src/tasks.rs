//! A list of tasks.

use lunora::shard::prelude::*;
use serde::{Deserialize, Serialize};

const TASKS: Table<Task> = table!("tasks");

/// A task.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Task {
    /// What there is to do.
    pub title: String,
}

lunora::shard! {
    /// A list.
    pub struct List;
    tables: [TASKS],
    functions: {
        query "tasks:list" => list,
        query "tasks:count" => count,
        mutation "tasks:add" => add,
        internal mutation "tasks:tidy" => tidy,
    },
    registry: "SHARD_REGISTRY",
}

lunora::shard_registry! {
    /// Knows which lists have tasks, for queries across them.
    pub struct ShardRegistry;
}

fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Task>>, LunoraError> {
    ctx.db().table(TASKS).take(200)
}

/// Returns the number of tasks.
fn count(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    ctx.db().table(TASKS).count()
}

#[derive(Deserialize)]
struct Add {
    title: String,
}

fn add(ctx: &Mutation<'_>, args: Add) -> Result<Document<Task>, LunoraError> {
    let title = args.title.trim().to_owned();
    if title.is_empty() {
        return Err(invalid_argument("title", "a text that is not empty", "string"));
    }
    ctx.db().insert(TASKS, Task { title })
}

/// Empties the list.
fn tidy(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    for task in ctx.db().table(TASKS).take(200)? {
        ctx.db().delete(TASKS, &task.id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lunora::shard::testing::TestShard;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_that_was_added_is_listed() -> Result<(), LunoraError> {
        let shard = TestShard::new(List::definition());
        let added: Document<Task> = shard.call("tasks:add", &json!({ "title": "bread" }))?;
        let listed: Vec<Document<Task>> = shard.call("tasks:list", &NoArgs {})?;
        assert_eq!(listed, [added]);
        Ok(())
    }
}
