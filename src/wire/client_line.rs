//! Lines of a snapshot other than documents: the records that a shard keeps of its clients.

use serde::{Deserialize, Serialize};

/// `{"$watermark":{"user","client","seq"}}` or `{"$reply":{"namespace","id","body","ts"}}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum ClientLine {
    /// The last number of a client that counts its writes.
    #[serde(rename = "$watermark")]
    Watermark(Watermark),
    /// The stored answer of a mutation.
    #[serde(rename = "$reply")]
    Reply(Reply),
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Watermark {
    /// The user; empty for an anonymous client.
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) seq: u64,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Reply {
    pub(crate) namespace: String,
    pub(crate) id: String,
    /// The body that was answered, as text.
    pub(crate) body: String,
    /// The time, in milliseconds since 1970.
    pub(crate) ts: u64,
}
