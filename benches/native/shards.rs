//! Shards that answer at once.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use futures::future::{LocalBoxFuture, pending, ready};
use lunora::{
    Request, Response, ShardKey,
    platform::{
        Clock, Placement, ResolvedShard, ShardAddress, ShardCallError, ShardNamespace,
        resolve_shard,
    },
};

/// Every shard answers the same, without delay and without a copy.
pub(crate) struct Instant(pub(crate) Bytes);

impl ShardNamespace for Instant {
    fn fetch(
        &self,
        _address: &ShardAddress,
        _request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        Box::pin(ready(Ok(Response::raw_json(self.0.clone()))))
    }
}

pub(crate) fn resolver(answer: impl Into<Bytes>) -> impl Fn(ShardKey) -> ResolvedShard {
    let namespace: Rc<dyn ShardNamespace> = Rc::new(Instant(answer.into()));
    move |key| resolve_shard(&namespace, key, &Placement::default())
}

/// No time passes.
pub(crate) struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }

    fn sleep(&self, _duration: Duration) -> LocalBoxFuture<'static, ()> {
        Box::pin(pending())
    }
}
