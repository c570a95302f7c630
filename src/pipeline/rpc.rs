//! `POST /_lunora/rpc`: one call (docs/wire.md, "Calls").

use http::Method;

use super::{
    Lunora,
    admission::Admission,
    answers,
    dispatch::{Call, Prepared},
    fan_out,
    rare::rare,
    span::Span,
};
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
    match prepare(app, &mut request, env, span).await? {
        Prepared::Answer(response) => Ok(response),
        Prepared::Call(call) => app.send(call).await,
    }
}

/// Answers a query across shards, and decides a call of one shard.
pub(super) async fn prepare<E: Environment>(
    app: &Lunora<E>,
    request: &mut Request,
    env: &E,
    span: &Span,
) -> Result<Prepared, LunoraError> {
    if *request.method() != Method::POST {
        return Ok(Prepared::Answer(answers::method_not_allowed("POST")));
    }
    let envelope = RpcEnvelope::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    span.note(|facts| facts.set_function(envelope.function_path()));
    match envelope.target() {
        Target::FanOut(spec) => {
            let answer = fan_out::answer(app, request, env, span, (&envelope, spec));
            rare(answer).await.map(Prepared::Answer)
        }
        _ => {
            span.note(|facts| facts.set_shard_keys(1));
            admit(app, request, env, &envelope).await.map(Prepared::Call)
        }
    }
}

/// Calls one shard as the caller that sent `request`.
pub(super) async fn call<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
    envelope: &RpcEnvelope,
) -> Result<Response, LunoraError> {
    app.send(admit(app, request, env, envelope).await?).await
}

async fn admit<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
    envelope: &RpcEnvelope,
) -> Result<Call, LunoraError> {
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
    let admission = Admission::new(app, request, env);
    let admitted = admission.call(envelope.function_path(), &key).await?;
    Ok(Call::new(key, admitted, envelope))
}
