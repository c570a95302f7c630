//! One channel: its messages, in SQLite.

use lunora::shard::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An imported row without a shard goes to the channel that it names.
const MESSAGES: Table<Message> = table!("messages").shard_by("channel");

/// The longest message, in characters.
const MAX_TEXT: usize = 2000;

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
struct Message {
    author: String,
    channel: String,
    text: String,
}

lunora::shard! {
    /// One channel.
    pub struct Room;
    tables: [MESSAGES],
    functions: {
        query "messages:list" => list,
        query "messages:page" => page,
        query "channels:list" => channels,
        mutation "messages:send" => send,
    },
    registry: "SHARD_REGISTRY",
}

#[derive(Deserialize, JsonSchema)]
struct List {
    limit: Option<u32>,
}

/// Returns the newest messages, oldest first.
fn list(ctx: &Query<'_>, args: List) -> Result<Vec<Document<Message>>, LunoraError> {
    let limit = checked_limit(args.limit)?;
    let mut newest = ctx.db().table(MESSAGES).order(Direction::Desc).take(limit)?;
    newest.reverse();
    Ok(newest)
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Older {
    /// The `continueCursor` of a page; absent for the newest messages.
    cursor: Option<String>,
    /// Where a page that is shown ends; absent for a page of `limit` messages.
    end_cursor: Option<String>,
    limit: Option<u32>,
}

/// Returns one page of the messages, newest first.
fn page(ctx: &Query<'_>, args: Older) -> Result<Page<Document<Message>>, LunoraError> {
    let limit = checked_limit(args.limit)?;
    let Older { cursor, end_cursor, .. } = args;
    let request = PageRequest { cursor, end_cursor, num_items: limit };
    ctx.db().table(MESSAGES).order(Direction::Desc).page(&request)
}

fn checked_limit(limit: Option<u32>) -> Result<u32, LunoraError> {
    let limit = limit.unwrap_or(50);
    if (1..=200).contains(&limit) {
        Ok(limit)
    } else {
        Err(invalid_argument("limit", "an integer from 1 to 200", "number"))
    }
}

/// A channel with at least one message.
#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    name: String,
    last_message_at: f64,
}

/// Returns a list of this channel, empty while it has no message.
fn channels(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Channel>, LunoraError> {
    let last = ctx.db().table(MESSAGES).order(Direction::Desc).take(1)?;
    let channel = |message: Document<Message>| Channel {
        name: ctx.shard_key().to_owned(),
        last_message_at: message.creation_time,
    };
    Ok(last.into_iter().map(channel).collect())
}

#[derive(Deserialize, JsonSchema)]
struct Send {
    /// What the client calls the message that it shows already.
    id: Option<String>,
    text: String,
}

fn send(ctx: &Mutation<'_>, args: Send) -> Result<Document<Message>, LunoraError> {
    let author = ctx.auth().require_user()?.to_owned();
    if args.text.trim().is_empty() || args.text.chars().count() > MAX_TEXT {
        return Err(invalid_argument("text", "1 to 2000 characters", "string"));
    }
    let channel = ctx.shard_key().to_owned();
    let message = Message { author, channel, text: args.text };
    match args.id {
        Some(id) => ctx.db().insert_with_id(MESSAGES, id, message),
        None => ctx.db().insert(MESSAGES, message),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use lunora::shard::testing::TestShard;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_names_its_sender() {
        let room = TestShard::named("general", Room::definition());
        let sent: Document<Message> =
            room.user("ada").call("messages:send", &json!({ "text": "hello" })).unwrap();
        assert_eq!((&*sent.author, &*sent.channel), ("ada", "general"));
        let listed: Vec<Document<Message>> = room.call("messages:list", &NoArgs {}).unwrap();
        assert_eq!(listed, [sent]);
        let anonymous = room.call::<Document<Message>>("messages:send", &json!({ "text": "x" }));
        assert_eq!(anonymous.unwrap_err().code(), "UNAUTHORIZED");
    }

    #[test]
    fn pages_hold_every_message_once_from_the_newest_to_the_oldest() {
        let room = TestShard::named("general", Room::definition());
        for n in 0..5 {
            let message = json!({ "text": n.to_string() });
            room.user("ada").call::<Document<Message>>("messages:send", &message).unwrap();
        }
        let (mut texts, mut cursor) = (Vec::new(), None);
        loop {
            let args = json!({ "cursor": cursor, "limit": 2 });
            let page: Page<Document<Message>> = room.call("messages:page", &args).unwrap();
            texts.extend(page.page.into_iter().map(|message| message.into_value().text));
            cursor = Some(page.continue_cursor);
            if page.is_done {
                break;
            }
        }
        assert_eq!(texts, ["4", "3", "2", "1", "0"]);
    }
}
