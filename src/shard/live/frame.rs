//! The frames of a live connection (docs/wire.md, "Live connections").

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{errors::LunoraError, wire::paths};

/// A frame from a client.
#[derive(Debug)]
pub(super) enum ClientFrame {
    /// The first frame: the name of the client among the clients of one user, whether it takes changes
    /// of rows, and what it says of itself.
    Connect { client_id: Option<String>, takes_changes: bool, context: Option<Box<RawValue>> },
    /// Subscribes to a query: its value, and every new one.
    Subscribe { id: String, query: Query },
    /// Ends a subscription.
    Unsubscribe { id: String },
    /// Subscribes to the rows of a shape.
    ShapeSubscribe { id: String, query: Query },
    /// Opens a stream. One that resumes wants what follows a chunk that it has.
    Stream { id: String, query: Query, resumes: bool },
    /// Joins a topic: from now on the whispers of its other sockets come.
    WhisperSubscribe { topic: String },
    /// Leaves a topic.
    WhisperUnsubscribe { topic: String },
    /// Sends data to the other sockets of a topic.
    Whisper { topic: String, data: Option<Box<RawValue>> },
    /// Any other valid frame, which needs no answer.
    Other,
}

impl ClientFrame {
    /// Reads a frame; `None` if it is malformed.
    pub(super) fn read(text: &str) -> Option<Self> {
        // Implemented manually: a tagged enum of serde cannot hold raw JSON.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            r#type: String,
            #[serde(default)]
            id: Option<String>,
            #[serde(default)]
            client_id: Option<String>,
            #[serde(default)]
            caps: Vec<String>,
            #[serde(default)]
            context: Option<Box<RawValue>>,
            #[serde(default, borrow)]
            query: Option<&'a RawValue>,
            #[serde(default, borrow)]
            shape: Option<&'a RawValue>,
            #[serde(default)]
            since_checkpoint: Option<u64>,
            #[serde(default)]
            since_epoch: Option<String>,
            #[serde(default)]
            since_chunk: Option<u64>,
            #[serde(default)]
            topic: Option<String>,
            #[serde(default, deserialize_with = "even_null")]
            data: Option<Box<RawValue>>,
        }

        /// `null` is data, too.
        fn even_null<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Box<RawValue>>, D::Error> {
            Box::deserialize(deserializer).map(Some)
        }

        let fields: Fields<'_> = serde_json::from_str(text).ok()?;
        let Fields { r#type, id, client_id, caps, context, query, topic, data, .. } = fields;
        Some(match &*r#type {
            "connect" => {
                let takes_changes = caps.iter().any(|cap| cap == "pageDelta");
                Self::Connect { client_id, takes_changes, context }
            }
            "subscribe" => {
                Self::Subscribe { id: id?, query: serde_json::from_str(query?.get()).ok()? }
            }
            "unsubscribe" | "shape_unsubscribe" => Self::Unsubscribe { id: id? },
            "shape_subscribe" => {
                let shape: Shape = serde_json::from_str(fields.shape?.get()).ok()?;
                let (since_seq, since_epoch) = (fields.since_checkpoint, fields.since_epoch);
                Self::ShapeSubscribe { id: id?, query: shape.query(since_seq, since_epoch) }
            }
            "stream" => {
                let query = serde_json::from_str(query?.get()).ok()?;
                Self::Stream { id: id?, query, resumes: fields.since_chunk.is_some() }
            }
            "whisper_subscribe" => Self::WhisperSubscribe { topic: topic? },
            "whisper_unsubscribe" => Self::WhisperUnsubscribe { topic: topic? },
            "whisper" => Self::Whisper { topic: topic?, data },
            _ => Self::Other,
        })
    }
}

/// The shape of a subscription.
#[derive(Deserialize)]
struct Shape {
    name: String,
    #[serde(default)]
    args: Option<Box<RawValue>>,
}

impl Shape {
    fn query(self, since_seq: Option<u64>, since_epoch: Option<String>) -> Query {
        let function_path = [paths::SHAPE_PREFIX, &self.name].concat();
        Query { function_path, args: self.args, table: None, since_seq, since_epoch }
    }
}

/// The query of a subscription.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) function_path: String,
    #[serde(default)]
    pub(super) args: Option<Box<RawValue>>,
    /// What the client calls the table of the rows; the function path if absent.
    #[serde(default)]
    pub(super) table: Option<String>,
    /// The position of the change log when the client got the value that it still holds.
    #[serde(default)]
    pub(super) since_seq: Option<u64>,
    #[serde(default)]
    pub(super) since_epoch: Option<String>,
}

/// The position of the shard, sent with a value.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_mutation_id: Option<u64>,
}

/// A frame from a shard.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ShardFrame<'a> {
    /// The answer to `connect`: the user of the socket; `null` if anonymous.
    Identity { subject: Option<&'a str> },
    /// The subscription is accepted; its first value follows.
    Ack { id: &'a str },
    /// The change of one row. Of several in a row, the last one has the position.
    Delta {
        id: &'a str,
        delta: &'a RawValue,
        #[serde(flatten)]
        position: Option<&'a Position<'a>>,
    },
    /// Nothing changed since the position that the client named.
    Resume {
        id: &'a str,
        #[serde(flatten)]
        position: &'a Position<'a>,
    },
    /// The query ran again and its value is the same.
    Settled {
        id: &'a str,
        #[serde(flatten)]
        position: &'a Position<'a>,
    },
    /// One chunk of a stream.
    Chunk { id: &'a str, data: &'a RawValue },
    /// The end of a stream.
    Complete { id: &'a str },
    /// The beginning of changes that a client applies together.
    #[serde(rename = "pokeStart", rename_all = "camelCase")]
    PokeStart {
        poke_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<&'a str>,
    },
    /// The changed rows of a shape; all of its rows with `reset`.
    #[serde(rename = "pokePart", rename_all = "camelCase")]
    PokePart {
        poke_id: &'a str,
        shape_id: &'a str,
        rows_patch: &'a [Box<RawValue>],
        #[serde(skip_serializing_if = "Option::is_none")]
        last_mutation_id: Option<u64>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reset: bool,
    },
    /// The end of the changes, and the position that a client holds by them.
    #[serde(rename = "pokeEnd", rename_all = "camelCase")]
    PokeEnd {
        poke_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<&'a str>,
    },
    /// What another socket of a topic said, and the user of that socket.
    Whisper {
        topic: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'a str>,
    },
    /// An error.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FrameError<'a>>,
        message: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct FrameError<'a> {
    code: &'a str,
    message: &'a str,
}

impl ShardFrame<'_> {
    /// The largest frame that is read, in bytes.
    pub(super) const MAX_BYTES: usize = 1024 * 1024;

    /// Returns the frame as text.
    pub(super) fn to_text(&self) -> String {
        // Texts and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the frame of a whole new value, with a line feed in the place of the value: JSON has none.
    pub(super) fn around_data(id: &str, position: &Position<'_>) -> String {
        // Texts and numbers can always be written.
        let [id, position] = [serde_json::to_string(id), serde_json::to_string(position)]
            .map(Result::unwrap_or_default);
        let rest = position.strip_prefix('{').unwrap_or(&position);
        let comma = if rest == "}" { "" } else { "," };
        [r#"{"type":"data","id":"#, &id, ",\"data\":\n", comma, rest].concat()
    }

    /// Returns a frame for an error with a code.
    pub(super) fn of_code(id: Option<&str>, code: &str, message: &str) -> String {
        let error = Some(FrameError { code, message });
        ShardFrame::Error { id, code: Some(code), error, message }.to_text()
    }

    /// Returns a frame for a function's error, as a client may see it.
    pub(super) fn of_error(id: Option<&str>, error: &LunoraError) -> String {
        let public = error.to_body().error;
        Self::of_code(id, &public.code, &public.message)
    }

    /// Returns a frame with only a message.
    pub(super) fn of_message(id: Option<&str>, message: &str) -> String {
        ShardFrame::Error { id, code: None, error: None, message }.to_text()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Option<ClientFrame> {
        ClientFrame::read(text)
    }

    #[test]
    fn reads_what_clients_say() {
        let connect = r#"{"type":"connect","id":"connect","clientId":"c1","caps":["pageDelta"]}"#;
        assert!(matches!(
            read(connect),
            Some(ClientFrame::Connect { client_id: Some(id), takes_changes: true, .. }) if id == "c1"
        ));
        let subscribe = r#"{"type":"subscribe","id":"sub_1","query":{"functionPath":"m:list","args":{"a":[1]},"table":"m","sinceSeq":7,"sinceEpoch":"e"}}"#;
        let Some(ClientFrame::Subscribe { id, query }) = read(subscribe) else {
            unreachable!("{subscribe}")
        };
        assert_eq!((&*id, &*query.function_path, query.since_seq), ("sub_1", "m:list", Some(7)));
        assert_eq!(query.args.unwrap().get(), r#"{"a":[1]}"#);
        let whisper = r#"{"type":"whisper","topic":"t","data":{"x": 1}}"#;
        assert!(matches!(
            read(whisper),
            Some(ClientFrame::Whisper { topic, data: Some(data) }) if topic == "t" && data.get() == r#"{"x": 1}"#
        ));
        assert!(matches!(read(r#"{"type":"else"}"#), Some(ClientFrame::Other)));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"subscribe","id":"a"}"#,
            r#"{"type":7}"#,
            r#"{"type":"whisper"}"#,
            r#"{"type":"whisper_subscribe","topic":null}"#,
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn writes_what_clients_read() {
        let position = Position { cursor: Some(7), epoch: Some("e"), last_mutation_id: None };
        let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(
            ShardFrame::around_data("sub \"\n\"", &position),
            "{\"type\":\"data\",\"id\":\"sub \\\"\\n\\\"\",\"data\":\n,\"cursor\":7,\"epoch\":\"e\"}"
        );
        assert_eq!(
            ShardFrame::around_data("s", &Position::default()),
            "{\"type\":\"data\",\"id\":\"s\",\"data\":\n}"
        );
        assert_eq!(
            json(ShardFrame::of_code(Some("s"), "NOT_FOUND", "no")),
            json!({"type": "error", "id": "s", "code": "NOT_FOUND", "message": "no",
                   "error": {"code": "NOT_FOUND", "message": "no"}})
        );
        assert_eq!(
            json(ShardFrame::of_message(None, "frame too large")),
            json!({"type": "error", "message": "frame too large"})
        );
    }
}
