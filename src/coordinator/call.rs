//! The call that a fan-out sends to every shard.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use headers::HeaderMapExt;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

use crate::{
    message::Request,
    platform::{Clock, EachBody, EachCall, ResolvedShard},
    wire::{
        ShardKey,
        headers::{ClientId, MutationId, System, UserId},
        paths,
    },
};

/// One call that a fan-out sends to every shard: `POST /rpc` with the same headers and body.
///
/// [`QueryCoordinator`](crate::coordinator::QueryCoordinator) has an example.
pub struct ShardCall<'a> {
    resolve: &'a dyn Fn(ShardKey) -> ResolvedShard,
    headers: HeaderMap,
    body: Bytes,
    read: bool,
    unwrap_result: bool,
}

impl<'a> ShardCall<'a> {
    /// Creates a call with a body in the shards' form, `{"args","functionPath"}`; `resolve` finds
    /// the shard of a key.
    pub fn new(resolve: &'a dyn Fn(ShardKey) -> ResolvedShard, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { resolve, headers, body: body.into(), read: false, unwrap_result: false }
    }

    /// Sets the headers, which replace the default `content-type: application/json`.
    ///
    /// They are sent to every shard unchanged: filter what a client sent before.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Declares that the call changes nothing, so that it may be repeated.
    ///
    /// Any other call is repeated only if its shard recognizes the repetition: it carries
    /// `x-lunora-mutation-id`, and a user id, the system flag or a client id, without which a shard
    /// ignores the mutation id (docs/wire.md, "Calls in a shard").
    #[must_use]
    pub fn read(mut self) -> Self {
        self.read = true;
        self
    }

    /// Merges the field `result` of each answer, instead of the whole answer.
    ///
    /// A shard answers a call with `{"result":…}`; only a relation read returns a bare value. An
    /// answer without the field is merged whole. Default: each answer is merged whole.
    #[must_use]
    pub fn unwrap_result(mut self) -> Self {
        self.unwrap_result = true;
        self
    }

    pub(super) fn resolve(&self, key: ShardKey) -> ResolvedShard {
        (self.resolve)(key)
    }

    pub(super) fn to_request(&self) -> Request {
        let mut request = Request::post(paths::SHARD_RPC, self.body.clone());
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Returns the call as several shards get it at once, if its body is a text.
    pub(super) fn to_each(
        &self,
        at_once: usize,
        time: Duration,
        max_bytes: usize,
        clock: Rc<dyn Clock>,
    ) -> Option<EachCall> {
        str::from_utf8(&self.body).ok()?;
        Some(EachCall {
            url: paths::SHARD_RPC,
            headers: self.headers.clone(),
            body: EachBody::Same(self.body.clone()),
            at_once,
            time,
            max_bytes,
            shares_limits: false,
            wants_bookmark: false,
            clock,
        })
    }

    pub(super) fn unwraps_result(&self) -> bool {
        self.unwrap_result
    }

    pub(super) fn is_repeatable(&self) -> bool {
        let headers = &self.headers;
        let recognized = || {
            headers.typed_get::<MutationId<'_>>().is_some()
                && (headers.typed_get::<UserId<'_>>().is_some()
                    || headers.typed_get::<System>().is_some()
                    || headers.typed_get::<ClientId>().is_some())
        };
        self.read || recognized()
    }
}
