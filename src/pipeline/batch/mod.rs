//! `POST /_lunora/rpc-batch`: several calls in one request.
//!
//! The answers of all shards are bounded by [`MAX_ANSWERS`](ask::MAX_ANSWERS) together, while they are
//! read. A part that does not fit is dropped, and each of its slots is 429 `TOO_MANY_REQUESTS`: its calls
//! may have run, and a mutation is answered again when it is repeated with its id. The slots of other
//! shards keep their answers. A shard bounds its own part: see `shard/batch.rs`.
//!
//! An answer exists before it is refused, and shards may share the Worker's isolate: only
//! [`AT_ONCE`](ask::AT_ONCE) shards are called at once. The time that one shard has is that of the whole
//! batch.

mod ask;
mod merge;

use std::collections::BTreeMap;

use http::Method;

use super::{Lunora, admission::Admission, answers, span::Span};
use crate::{
    errors::LunoraError,
    message::{Request, Response},
    platform::Environment,
    wire::{
        ShardKey,
        batch::{self, BatchCall},
        paths,
    },
};

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    mut request: Request,
    env: &E,
    span: &Span,
) -> Result<Response, LunoraError> {
    if *request.method() != Method::POST {
        return Ok(answers::method_not_allowed("POST"));
    }
    let calls = batch::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    let groups = by_shard(calls, &app.settings.default_shard_key);
    span.note(|facts| facts.set_shard_keys(groups.len()));
    let admitted = Admission::new(app, &request, env).batch(groups.keys()).await?;
    let detailed = admitted.wants_error_detail();
    let parts = app.ask_for_parts(groups, admitted.into_headers()).await;
    Ok(merge::merge(&parts, detailed))
}

/// The calls of one shard, each with its place in the batch.
type Group = Vec<(usize, BatchCall)>;

/// Groups the calls by shard; inside a shard they keep their order.
fn by_shard(calls: Vec<BatchCall>, default: &ShardKey) -> BTreeMap<ShardKey, Group> {
    let mut groups: BTreeMap<ShardKey, Group> = BTreeMap::new();
    for (place, mut call) in calls.into_iter().enumerate() {
        let key = call.shard_key.take().unwrap_or_else(|| default.clone());
        groups.entry(key).or_default().push((place, call));
    }
    groups
}
