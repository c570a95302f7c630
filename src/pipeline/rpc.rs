//! `POST /_lunora/rpc`: one call (docs/wire.md, "Calls").

use http::Method;

use super::{Lunora, admission, answers, authorization, fan_out};
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::Environment,
    wire::{RpcEnvelope, envelope::Target, headers, identity, paths},
};

pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    mut request: Request,
    env: &E,
) -> Result<Response, LunoraError> {
    if *request.method() != Method::POST {
        return Ok(answers::method_not_allowed("POST"));
    }
    let envelope = RpcEnvelope::from_slice(&request.bytes(paths::MAX_BODY).await?)?;
    match envelope.target() {
        Target::FanOut(spec) => fan_out::answer(app, &request, env, &envelope, spec).await,
        _ => call(app, &request, env, &envelope).await,
    }
}

/// Calls one shard as the caller that sent `request`.
pub(super) async fn call<E: Environment>(
    app: &Lunora<E>,
    request: &Request,
    env: &E,
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
    let function_path = envelope.function_path();
    if function_path.starts_with(paths::RELATION_PREFIX) {
        return Err(LunoraError::new(Code::Forbidden, "Relation reads run across shards only"));
    }
    admission::check_operator(app, request, env, function_path)?;

    let mut headers = headers::for_rpc(request);
    // An operator's bearer is the admin token, which identity hooks do not know.
    if !function_path.starts_with(paths::ADMIN_PREFIX) {
        let identity = app.identify(request, env).await?;
        identity::check_expected_subject(request.headers(), identity.as_ref())?;
        authorization::authorize_shard(&app.settings, identity.as_ref(), &key).await?;
        if let Some(identity) = &identity {
            identity.mint(&mut headers)?;
        }
    }
    app.dispatch(key, headers, envelope).await
}
