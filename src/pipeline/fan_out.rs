//! A call across every shard of a table (docs/wire.md, "Queries across shards").

use futures::future::LocalBoxFuture;
use serde::Deserialize;

use super::{Lunora, admission::Admission, record::RequestKind, span::Span};
use crate::{
    coordinator::{FanOutAnswer, QueryCoordinator, ShardCall},
    errors::LunoraError,
    message::{IntoResponse, Request, Response},
    platform::Environment,
    wire::{FanOut, RpcEnvelope, paths},
};

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
    span: &Span,
    (envelope, spec): (&RpcEnvelope, &FanOut),
) -> Result<Response, LunoraError> {
    span.note(|facts| facts.set_kind(RequestKind::FanOut));
    let settings = &app.settings;
    let (Some(coordinator), Some(run)) = (&settings.query_coordinator, settings.fan_out) else {
        return Err(LunoraError::bad_request(
            "fanOut needs a query coordinator, and this deployment has none",
        ));
    };
    let function_path = envelope.function_path();
    let is_relation = function_path.starts_with(paths::RELATION_PREFIX);
    if is_relation {
        check_relation_table(envelope.args(), spec.table())?;
    }
    let admission = Admission::new(app, request, env);
    let admitted = admission.fan_out(function_path, spec).await?;

    let resolve = |key| app.shard(key);
    let mut call =
        ShardCall::new(&resolve, envelope.to_shard_body()).headers(admitted.into_headers());
    if is_relation || (coordinator.retries() && settings.is_query(function_path)) {
        call = call.read();
    }
    if !is_relation && !coordinator.merges_whole_answers() {
        call = call.unwrap_result();
    }
    let answer = run(coordinator, spec, call).await?;
    span.note(|facts| facts.set_shard_keys(answer.ok() + answer.failed()));
    answer.into_response()
}

/// Runs a query across shards. It is chosen only if a coordinator is configured, so that a Worker
/// without one does not link the merges.
pub(crate) type FanOutRunner = for<'a> fn(
    &'a QueryCoordinator,
    &'a FanOut,
    ShardCall<'a>,
) -> LocalBoxFuture<'a, Result<FanOutAnswer, LunoraError>>;

/// Runs a fan-out; the only implementation.
pub(crate) fn run<'a>(
    coordinator: &'a QueryCoordinator,
    spec: &'a FanOut,
    call: ShardCall<'a>,
) -> LocalBoxFuture<'a, Result<FanOutAnswer, LunoraError>> {
    Box::pin(coordinator.fan_out(spec, call))
}

/// Checks that both tables that a relation read names are equal, since the gate sees only one of
/// them.
fn check_relation_table(args: &str, table: &str) -> Result<(), LunoraError> {
    #[derive(Deserialize)]
    struct Args {
        table: String,
    }

    match serde_json::from_str::<Args>(args) {
        Ok(args) if args.table == table => Ok(()),
        _ => Err(LunoraError::bad_request("args.table must equal fanOut.table")),
    }
}
