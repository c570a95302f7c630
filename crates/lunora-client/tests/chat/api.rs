// Written by `lunora codegen client`. Do not edit.
//! The functions of the deployment, and their types.
#![allow(dead_code, missing_docs, unreachable_pub)]
use lunora_client::serde::{Deserialize, Serialize};

/// A channel with at least one message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Channel {
    #[serde(rename = "lastMessageAt")]
    pub last_message_at: f64,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct List {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A document: the value that the application stored, with the `_id` and the `_creationTime` that the shard added.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct MessageDocument {
    /// The time of creation, in milliseconds since 1970.
    #[serde(rename = "_creationTime")]
    pub creation_time: f64,
    /// The id, unique within the table.
    #[serde(rename = "_id")]
    pub id: String,
    pub author: String,
    pub channel: String,
    pub text: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Older {
    /// The `continueCursor` of a page; absent for the newest messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Where a page that is shown ends; absent for a page of `limit` messages.
    #[serde(rename = "endCursor", default, skip_serializing_if = "Option::is_none")]
    pub end_cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of documents in an order, and the cursor of the next page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Page {
    /// The opaque cursor of the next page.
    #[serde(rename = "continueCursor")]
    pub continue_cursor: String,
    /// `true` on the last page.
    #[serde(rename = "isDone")]
    pub is_done: bool,
    /// The documents.
    pub page: Vec<MessageDocument>,
    /// A cursor within a page that has an end, at which a client may divide it into two pages; absent otherwise, and if the page has fewer than two documents.
    #[serde(rename = "splitCursor", default, skip_serializing_if = "Option::is_none")]
    pub split_cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Send {
    /// What the client calls the message that it shows already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub text: String,
}

/// The functions of `channels`.
pub mod channels {
    use lunora_client::{FunctionRef, Query};

    /// The query `channels:list`.
    pub const LIST: FunctionRef<Query, lunora_client::NoArgs, Vec<super::Channel>> = FunctionRef::from_static(
        "channels:list",
    );
}

/// The functions of `messages`.
pub mod messages {
    use lunora_client::{FunctionRef, Mutation, Query};

    /// The query `messages:list`.
    pub const LIST: FunctionRef<Query, super::List, Vec<super::MessageDocument>> = FunctionRef::from_static(
        "messages:list",
    );

    /// The query `messages:page`.
    pub const PAGE: FunctionRef<Query, super::Older, super::Page> = FunctionRef::from_static(
        "messages:page",
    );

    /// The mutation `messages:send`.
    pub const SEND: FunctionRef<Mutation, super::Send, super::MessageDocument> = FunctionRef::from_static(
        "messages:send",
    );
}
