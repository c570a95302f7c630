//! A page of documents of every shard, in the order of an index.

mod cursor;
mod key;
mod merge;

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::{cursor::Cursor, merge::PageMerge};
use super::{
    super::ShardFailure, AdminCall, ShardAdmin, outcome::PublicFailure, read, traffic::as_text,
    unreadable_answer,
};
use crate::{
    errors::LunoraError,
    sort,
    wire::{
        ShardKey,
        operation::{self, RankPageArgs},
    },
};

/// The direction of a sort.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// The index and the page to read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RankPageRequest {
    /// The table.
    pub table: String,
    /// The rank index.
    pub index: String,
    /// The number of documents; 100 by default, at most 1000.
    pub take: NonZeroU16,
    /// The end of the previous page; `None` for the first page.
    pub cursor: Option<String>,
    /// One partition, as canonical JSON; every partition by default.
    pub partition_key: Option<String>,
    /// The directions of the index, for shards that do not report them; ascending by default.
    pub directions: Vec<SortDirection>,
}

impl RankPageRequest {
    /// The maximum number of documents of a page.
    pub const MAX_TAKE: u16 = 1000;

    const DEFAULT_TAKE: NonZeroU16 = NonZeroU16::MIN.saturating_add(99);

    /// Creates a request for the first page of an index.
    pub fn new(table: impl Into<String>, index: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            index: index.into(),
            take: Self::DEFAULT_TAKE,
            cursor: None,
            partition_key: None,
            directions: Vec::new(),
        }
    }

    /// Clamps a number of documents as callers write it to at least one, and at most
    /// [`MAX_TAKE`](Self::MAX_TAKE).
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    pub fn bounded_take(take: f64) -> NonZeroU16 {
        let take = take.clamp(1.0, Self::MAX_TAKE.into()) as u16;
        NonZeroU16::new(take).unwrap_or(NonZeroU16::MIN)
    }

    /// Sets the number of documents; more than [`MAX_TAKE`](Self::MAX_TAKE) counts as that many.
    #[must_use]
    pub fn take(mut self, take: NonZeroU16) -> Self {
        self.take = take;
        self
    }

    /// Continues where a page ended.
    #[must_use]
    pub fn cursor(mut self, cursor: Option<String>) -> Self {
        self.cursor = cursor;
        self
    }
}

/// A page of documents in the order of an index (docs/wire.md, "Across shards").
///
/// If a shard gives no answer, the page has the documents of the others and is `partial`. The cursor
/// keeps the position of each shard: the documents of the missing shard come on a later page, out of
/// order. A page without any document has the cursor of the request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RankPage {
    /// The start of the next page; `None` after the last page.
    pub continue_cursor: Option<String>,
    /// The number of shards that gave no answer.
    pub failed: usize,
    /// `true` if this was the last page.
    pub is_done: bool,
    /// The number of shards that answered.
    pub ok: usize,
    /// The documents.
    pub page: Vec<Box<RawValue>>,
    /// `true` if a shard gave no answer.
    pub partial: bool,
    /// The part of each shard, in the registry's order.
    pub shards: Vec<ShardSlice>,
}

/// The part of one shard in a page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ShardSlice {
    /// The failure, if it gave no answer.
    #[serde(serialize_with = "public", skip_serializing_if = "Option::is_none")]
    pub error: Option<ShardFailure>,
    /// `true` if it has documents beyond those it offered.
    pub has_more: bool,
    /// The key of the shard.
    #[serde(serialize_with = "as_text")]
    pub shard_key: ShardKey,
}

impl ShardAdmin {
    /// Returns one page of the documents of every shard, in the order of a rank index.
    ///
    /// Page by page, each document that stays comes exactly once, even if shards fail in between;
    /// each page is in order, and so are all pages together if no shard fails. Memory holds one page
    /// and one shard's part of it.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for a cursor that does not belong to this method; if the shards cannot be
    /// listed. A shard that fails is part of the page.
    pub async fn rank_page(&self, request: &RankPageRequest) -> Result<RankPage, LunoraError> {
        let cursor = Cursor::read(request.cursor.as_deref())?;
        let keys = self.shards_of(&request.table).await?;
        let take = request.take.get().min(RankPageRequest::MAX_TAKE);
        let mut merge = PageMerge::new(take.into(), &request.directions);
        let mut shards = self.ask_slices(keys, request, take, &cursor, &mut merge).await?;
        sort::sort_by_key(&mut shards, |(index, _)| *index);
        let shards: Vec<ShardSlice> = shards.into_iter().map(|(_, slice)| slice).collect();

        let outcomes =
            sort::map(shards.iter().map(|shard| (shard.shard_key.as_str(), shard.error.is_none())));
        let failed = shards.iter().filter(|shard| shard.error.is_some()).count();
        let (mut page, next) = merge.finish(&cursor, &outcomes);
        let is_done = next.is_none() && failed == 0;
        let mut continue_cursor = next.map(|next| next.to_text()).transpose()?.flatten();
        if continue_cursor.is_none() && !is_done {
            // There is nothing to continue after, or too many shards are behind to name them all:
            // the same page is asked for again.
            page = Vec::new();
            continue_cursor.clone_from(&request.cursor);
        }
        let (ok, partial) = (shards.len() - failed, failed > 0);
        Ok(RankPage { continue_cursor, is_done, page, partial, failed, ok, shards })
    }

    /// Requests a part of each shard, and merges the parts as they come.
    async fn ask_slices(
        &self,
        keys: Vec<ShardKey>,
        request: &RankPageRequest,
        take: u16,
        cursor: &Cursor,
        merge: &mut PageMerge,
    ) -> Result<Vec<(usize, ShardSlice)>, LunoraError> {
        use futures::{StreamExt, stream};

        let mut jobs = Vec::with_capacity(keys.len());
        for (index, key) in keys.into_iter().enumerate() {
            let directions = &*request.directions;
            let call = AdminCall::of::<operation::RankPage>(&RankPageArgs {
                after: cursor.after(&key),
                directions: (!directions.is_empty()).then_some(directions),
                index: (&request.index).into(),
                partition_key: request.partition_key.as_deref().map(Into::into),
                table: (&request.table).into(),
                take: Some(take.into()),
            })?;
            jobs.push((index, key, call));
        }
        let concurrency = self.coordinator.concurrency.get();
        let mut answers = stream::iter(jobs)
            .map(async |(index, key, call)| {
                let answer = self.ask(&key, &call).await;
                (index, key, answer)
            })
            .buffer_unordered(concurrency);
        let mut shards = Vec::new();
        while let Some((index, shard_key, answer)) = answers.next().await {
            let slice = answer
                .and_then(|result| read::<operation::RankPage, merge::Slice>(&shard_key, &result));
            let has_more = slice.as_ref().is_ok_and(|slice| slice.has_more);
            let added = slice.and_then(|slice| {
                merge
                    .add(index, &shard_key, slice, cursor)
                    .map_err(|what| unreadable_answer(&shard_key, what))
            });
            shards.push((index, ShardSlice { error: added.err(), has_more, shard_key }));
        }
        Ok(shards)
    }
}

fn public<S: serde::Serializer>(
    failure: &Option<ShardFailure>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    failure.as_ref().map(PublicFailure::of).serialize(serializer)
}
