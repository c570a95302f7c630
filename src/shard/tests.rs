//! A shard over SQLite in memory.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests may panic, and functions take their arguments whole"
)]

mod admin;
mod announcements;
mod batch;
mod calls;
mod changes;
mod crashes;
mod documents;
mod doors;
mod export;
mod import;
mod index_order;
mod migrations;
mod operator;
mod operator_rows;
mod operator_sql;
mod operator_tables;
mod pages;
mod rank;
mod raw_sql;
mod recovery;
mod replays;
mod scheduler;
mod schema;
mod stored_json;
mod tracking;
mod transactions;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{testing::TestShard, *};
use crate::{errors::LunoraError, wire::Direction};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Message {
    author: String,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rank: Option<f64>,
}

const MESSAGES: Table<Message> = table!("messages")
    .index("by_author", &["author"])
    .index("by_author_rank", &["author", "rank"])
    .rank_index("by_rank", &["author"], &[("rank", Direction::Desc)])
    .rank_index("everybody", &[], &[("rank", Direction::Asc), ("text", Direction::Desc)]);
const NOTES: Table = table!("notes").soft_delete();

fn message(author: &str, text: &str) -> Message {
    Message { author: author.to_owned(), text: text.to_owned(), rank: None }
}

/// Tables and the functions that most tests need; a test adds its own.
fn definition() -> ShardDefinition {
    ShardDefinition::new()
        .table(MESSAGES)
        .table(NOTES)
        .query("messages:list", list)
        .mutation("messages:send", send)
        .mutation("messages:delete", delete)
        .mutation("notes:put", put_note)
        .mutation("notes:delete", delete_note)
        .query("notes:list", list_notes)
}

fn shard() -> TestShard {
    TestShard::new(definition())
}

fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Message>>, LunoraError> {
    ctx.db().table(MESSAGES).collect()
}

fn send(ctx: &Mutation<'_>, args: Message) -> Result<Document<Message>, LunoraError> {
    ctx.db().insert(MESSAGES, args)
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

fn delete(ctx: &Mutation<'_>, args: Id) -> Result<bool, LunoraError> {
    ctx.db().delete(MESSAGES, &args.id)
}

#[derive(Deserialize)]
struct PutNote {
    id: String,
    note: crate::wire::value::Value,
}

fn put_note(ctx: &Mutation<'_>, args: PutNote) -> Result<(), LunoraError> {
    ctx.db().insert_with_id(NOTES, args.id, args.note).map(|_| ())
}

fn delete_note(ctx: &Mutation<'_>, args: Id) -> Result<bool, LunoraError> {
    ctx.db().delete(NOTES, &args.id)
}

fn list_notes(
    ctx: &Query<'_>,
    _: NoArgs,
) -> Result<StoredJson<Vec<Document<crate::wire::value::Value>>>, LunoraError> {
    ctx.db().table(NOTES).take_json(1000)
}

/// Returns the texts of all messages, in their order.
fn texts(shard: &TestShard) -> Vec<String> {
    let listed: Vec<Document<Message>> = shard.call("messages:list", &NoArgs {}).unwrap();
    listed.into_iter().map(|message| message.value.text).collect()
}

fn say(shard: &TestShard, text: &str) -> Document<Message> {
    shard.call("messages:send", &message("ada", text)).unwrap()
}

/// Runs `work` as a mutation of a shard.
fn mutate<T>(
    shard: &TestShard,
    work: impl FnOnce(&Mutation<'_>) -> Result<T, LunoraError>,
) -> Result<T, LunoraError> {
    let inner = &shard.shard().inner;
    inner.open()?;
    inner.transact(&Caller::default(), 0, |run| work(&Mutation::new(run)))
}

/// Runs `work` as a query of a shard, and returns its reads.
fn query<T>(
    shard: &TestShard,
    work: impl FnOnce(&Query<'_>) -> Result<T, LunoraError>,
) -> Result<(T, Reads), LunoraError> {
    let inner = &shard.shard().inner;
    inner.open()?;
    let caller = Caller::default();
    let run = inner.run(&caller, 0);
    let result = work(&Query::new(&run))?;
    Ok((result, run.into_parts().0))
}

fn code_of(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or("no error"))
}
