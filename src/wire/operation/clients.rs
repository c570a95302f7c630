//! Arguments and answers about the records of clients.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The page of a round of client records.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ExportClientsArgs<'a> {
    /// The number of the previous round; absent in the first round.
    #[serde(default)]
    pub(crate) since: u64,
    /// The position on the previous page; absent on the first page of a round.
    pub(crate) cursor: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
}

/// A page of client records.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportClientsPage<L> {
    /// A [`ClientLine`](super::client_line::ClientLine) each.
    pub(crate) lines: L,
    pub(crate) cursor: Option<String>,
    pub(crate) is_done: bool,
    /// The number of the round, on its first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) round: Option<u64>,
    pub(crate) seq: u64,
}

/// Client records to restore.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ImportClientsArgs<L> {
    /// A [`ClientLine`](super::client_line::ClientLine) each.
    #[serde(default)]
    pub(crate) lines: L,
    /// `true` to delete the shard's client records first.
    #[serde(default)]
    pub(crate) reset: bool,
}

/// The number of client records that were received.
#[cfg(feature = "shard")]
#[derive(Debug, Serialize)]
pub(crate) struct ImportClientsAnswer {
    pub(crate) received: u64,
}
