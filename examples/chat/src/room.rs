//! One channel: who said what, in SQLite.

use lunora::shard::prelude::*;
use serde::{Deserialize, Serialize};

const MESSAGES: Table<Message> = table!("messages");

/// The longest message, in characters.
const MAX_TEXT: usize = 2000;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
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
        mutation "messages:send" => send,
    },
    relations: { "messages" => list },
    registry: "SHARD_REGISTRY",
}

#[derive(Deserialize)]
struct List {
    limit: Option<u32>,
}

/// The newest messages, oldest first.
fn list(ctx: &Query<'_>, args: List) -> Result<Vec<Document<Message>>, LunoraError> {
    let limit = args.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(invalid_argument("limit", "an integer from 1 to 200", "number"));
    }
    let mut newest = ctx.db().table(MESSAGES).order(Direction::Desc).take(limit)?;
    newest.reverse();
    Ok(newest)
}

#[derive(Deserialize)]
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
    fn a_message_is_from_whoever_sends_it() {
        let room = TestShard::named("general", Room::definition());
        let sent: Document<Message> =
            room.user("ada").call("messages:send", &json!({ "text": "hello" })).unwrap();
        assert_eq!((&*sent.author, &*sent.channel), ("ada", "general"));
        let listed: Vec<Document<Message>> = room.call("messages:list", &NoArgs {}).unwrap();
        assert_eq!(listed, [sent]);
        let nobody = room.call::<Document<Message>>("messages:send", &json!({ "text": "x" }));
        assert_eq!(nobody.unwrap_err().code(), "UNAUTHORIZED");
    }
}
