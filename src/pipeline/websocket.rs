//! `GET /_lunora/ws`: a live connection to one shard.

use http::Method;

use super::{
    Lunora,
    admission::Admission,
    answers,
    dispatch::{Call, Prepared},
    edge::Edge,
    span::Span,
};
use crate::{
    errors::LunoraError,
    message::{Request, Response},
    platform::Environment,
    wire::ShardKey,
};

/// Checks an upgrade and passes it to its shard. The shard's 101 is returned as the same object;
/// the connection does not pass through the Worker.
pub(super) async fn answer<E: Environment>(
    app: &Lunora<E>,
    edge: &Edge,
    request: Request,
    env: &E,
    span: &Span,
) -> Result<Response, LunoraError> {
    match prepare(app, edge, &request, env, span).await? {
        Prepared::Answer(response) => Ok(response),
        Prepared::Call(Call { key, request }) => app.ask(key, request).await,
    }
}

/// Checks an upgrade.
pub(super) async fn prepare<E: Environment>(
    app: &Lunora<E>,
    edge: &Edge,
    request: &Request,
    env: &E,
    span: &Span,
) -> Result<Prepared, LunoraError> {
    if *request.method() != Method::GET {
        return Ok(Prepared::Answer(answers::method_not_allowed("GET")));
    }
    if !request.is_upgrade() {
        return Ok(Prepared::Answer(answers::upgrade_required()));
    }
    if let Err(refused) = edge.guard_live(request) {
        return Ok(Prepared::Answer(answers::forbidden_origin(&refused)));
    }
    let key = match request.query("shard") {
        Some(key) if key.is_empty() => {
            return Err(LunoraError::bad_request(
                "shard must not be empty; leave it out for the default shard",
            ));
        }
        Some(key) => ShardKey::new(key)?,
        None => app.settings.default_shard_key.clone(),
    };
    span.note(|facts| facts.set_shard_keys(1));
    let admitted = Admission::new(app, request, env).upgrade(&key).await?;
    let mut upgrade = Request::get(request.uri().clone());
    *upgrade.headers_mut() = admitted.into_headers();
    Ok(Prepared::Call(Call { key, request: upgrade }))
}
