//! `POST /_lunora/rpc`: one call (docs/wire.md, "Calls").

use http::Method;

use super::{Lunora, admission::Admission, answers, fan_out, span::Span};
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::Environment,
    wire::{RpcEnvelope, envelope::Target, paths},
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
    let envelope = RpcEnvelope::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    span.note(|facts| facts.set_function(envelope.function_path()));
    match envelope.target() {
        Target::FanOut(spec) => fan_out::answer(app, &request, env, span, (&envelope, spec)).await,
        _ => {
            span.note(|facts| facts.set_shard_keys(1));
            call(app, &request, env, span, &envelope).await
        }
    }
}

/// Calls one shard as the caller that sent `request`.
pub(super) async fn call<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
    span: &Span,
    envelope: &RpcEnvelope,
) -> Result<Response, LunoraError> {
    let key = match envelope.target() {
        Target::Shard(key) => key.clone(),
        Target::DefaultShard => app.settings.default_shard_key.clone(),
        Target::FanOut(_) => {
            return Err(LunoraError::new(
                Code::ForbiddenFanout,
                "Queries across shards are not called from within the Worker",
            ));
        }
    };
    let admission = Admission::new(app, request, env, span);
    let admitted = admission.call(envelope.function_path(), &key).await?;
    app.dispatch(key, admitted, envelope).await
}
