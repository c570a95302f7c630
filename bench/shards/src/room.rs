//! Messages, written as an application would write them. `bench/contenders/room.mjs` is the same by
//! hand.

use lunora::shard::prelude::*;
use serde::{Deserialize, Serialize};

const MESSAGES: Table<Message> = table!("messages").index("by_channel", &["channel"]);

/// The longest text of a message, in characters.
const MAX_TEXT: usize = 2000;

/// The most messages that one call reads or seeds.
const MAX_MESSAGES: u32 = 1000;

#[derive(Deserialize, Serialize)]
struct Message {
    author: String,
    channel: String,
    text: String,
}

lunora::shard! {
    /// A room with many channels.
    pub struct Room;
    tables: [MESSAGES],
    functions: {
        query "messages:constant" => constant,
        query "messages:get" => get,
        query "messages:list" => list,
        query "messages:stored" => stored,
        query "messages:newest" => newest,
        mutation "messages:send" => send,
        mutation "messages:seed" => seed,
        mutation "messages:clear" => clear,
    },
}

/// Returns a constant.
fn constant(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

#[derive(Deserialize)]
struct Get {
    id: String,
}

/// Returns one message.
fn get(ctx: &Query<'_>, Get { id }: Get) -> Result<Option<Document<Message>>, LunoraError> {
    ctx.db().get(MESSAGES, &id)
}

#[derive(Deserialize)]
struct List {
    limit: u32,
}

/// Returns the newest messages of all channels, newest first.
fn list(ctx: &Query<'_>, List { limit }: List) -> Result<Vec<Document<Message>>, LunoraError> {
    ctx.db().table(MESSAGES).order(Direction::Desc).take(checked_limit(limit)?)
}

/// Returns the same messages as the text that is stored.
fn stored(
    ctx: &Query<'_>,
    List { limit }: List,
) -> Result<StoredJson<Vec<Document<Message>>>, LunoraError> {
    ctx.db().table(MESSAGES).order(Direction::Desc).take_json(checked_limit(limit)?)
}

#[derive(Deserialize)]
struct Newest {
    channel: String,
    limit: u32,
}

/// Returns the newest messages of one channel, newest first.
fn newest(ctx: &Query<'_>, args: Newest) -> Result<Vec<Document<Message>>, LunoraError> {
    let limit = checked_limit(args.limit)?;
    let of_channel = ctx.db().table(MESSAGES).index("by_channel").eq("channel", args.channel);
    of_channel.order(Direction::Desc).take(limit)
}

fn checked_limit(limit: u32) -> Result<u32, LunoraError> {
    if (1..=200).contains(&limit) {
        Ok(limit)
    } else {
        Err(invalid_argument("limit", "an integer from 1 to 200", "number"))
    }
}

#[derive(Deserialize)]
struct Send {
    channel: String,
    text: String,
}

/// Stores one message of the caller.
fn send(ctx: &Mutation<'_>, args: Send) -> Result<Document<Message>, LunoraError> {
    let author = ctx.auth().require_user()?.to_owned();
    if args.text.trim().is_empty() || args.text.chars().count() > MAX_TEXT {
        return Err(invalid_argument("text", "1 to 2000 characters", "string"));
    }
    ctx.db().insert(MESSAGES, Message { author, channel: args.channel, text: args.text })
}

#[derive(Deserialize)]
struct Seed {
    messages: Vec<Seeded>,
}

#[derive(Deserialize)]
struct Seeded {
    id: String,
    channel: String,
    text: String,
}

/// Stores many messages under given ids. Returns their number.
fn seed(ctx: &Mutation<'_>, args: Seed) -> Result<usize, LunoraError> {
    let author = ctx.auth().require_user()?.to_owned();
    let count = args.messages.len();
    if count > MAX_MESSAGES as usize {
        return Err(invalid_argument("messages", "at most 1000 messages", "array"));
    }
    for Seeded { id, channel, text } in args.messages {
        let author = author.clone();
        ctx.db().insert_with_id(MESSAGES, id, Message { author, channel, text })?;
    }
    Ok(count)
}

#[derive(Deserialize)]
struct Clear {
    channel: String,
}

/// Deletes some messages of a channel. Returns their number, which is 0 once the channel is empty.
fn clear(ctx: &Mutation<'_>, args: Clear) -> Result<usize, LunoraError> {
    ctx.auth().require_user()?;
    let messages = ctx.db().table(MESSAGES).index("by_channel").eq("channel", args.channel);
    let messages = messages.take(MAX_MESSAGES)?;
    for message in &messages {
        ctx.db().delete(MESSAGES, &message.id)?;
    }
    Ok(messages.len())
}
