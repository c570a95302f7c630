//! `POST /_lunora/scheduler/dispatch`: a scheduled call that is due (docs/wire.md,
//! "Headers to a shard").

use bytes::Bytes;
use headers::HeaderMapExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminHost, Context, Plane, call::read_object, gate::presents_token};
use crate::{
    errors::{Code, LunoraError},
    jobs::SystemCall,
    log,
    message::{Request, Response},
    platform::Environment,
    wire::{
        ShardKey,
        headers::{IDENTITY, SchedulerSignature, USER_ID},
        paths, signature,
    },
};

/// The variable that holds the key of the scheduler's signatures.
const SECRET: &str = "LUNORA_SCHEDULER_SECRET";

/// The body that the scheduler sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dispatch {
    #[serde(default)]
    function_path: Option<String>,
    #[serde(default)]
    workflow: Option<String>,
    #[serde(default)]
    args: Option<Box<RawValue>>,
    #[serde(default)]
    shard_key: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    pool: Option<String>,
    #[serde(default)]
    instance_name: Option<String>,
}

/// Authenticates a dispatch and makes the call. Returns the shard's own response.
pub(crate) async fn answer<E: Environment>(
    context: &Context<'_, E>,
    mut request: Request,
) -> Result<Response, LunoraError> {
    let Context { plane, host, token, .. } = *context;
    let by_token = presents_token(token, &request);
    // The signature covers the raw body, so the body is read before authentication.
    let body = request.bytes(paths::MAX_BODY).await?;
    if !by_token && !is_signed(host, &request, &body) {
        return Err(LunoraError::new(
            Code::DispatchUnauthenticated,
            "scheduler dispatch requires a valid signature or an admin bearer",
        ));
    }
    let dispatch: Dispatch = read_object(&body, "Scheduler dispatch")?;
    let answered = run(plane, host, &dispatch, by_token.then_some(&request)).await;
    // The call is over, whatever its result, and so is its place in the pool. A failure without an
    // id keeps its place: the scheduler may have reclaimed it already, and it would belong to
    // another call.
    let done = answered.as_ref().is_ok_and(|answer| answer.status().is_success());
    if done || dispatch.id.is_some() {
        release_pool(plane, host, &dispatch).await;
    }
    answered
}

fn is_signed(host: &dyn AdminHost, request: &Request, body: &Bytes) -> bool {
    let secret = host.env().var(SECRET).filter(|secret| !secret.is_empty());
    match (secret, request.headers().typed_get()) {
        (Some(secret), Some(SchedulerSignature(signature))) => {
            signature::verify(secret.as_bytes(), body, &signature)
        }
        _ => false,
    }
}

async fn run(
    plane: &Plane,
    host: &dyn AdminHost,
    dispatch: &Dispatch,
    trusted: Option<&Request>,
) -> Result<Response, LunoraError> {
    let args = match dispatch.args.as_deref().map(RawValue::get) {
        None | Some("null") => "{}",
        Some(args) if args.starts_with('{') => args,
        Some(_) => return Err(LunoraError::bad_request("args must be an object")),
    };
    if let Some(name) = dispatch.workflow.as_deref().filter(|name| !name.is_empty()) {
        return start_workflow(plane, name, dispatch.id.as_deref(), args).await;
    }
    let Some(function_path) = dispatch.function_path.as_deref().filter(|path| !path.is_empty())
    else {
        return Err(LunoraError::bad_request("functionPath must be a string"));
    };
    if function_path.starts_with(paths::ADMIN_PREFIX)
        || function_path.starts_with(paths::RELATION_PREFIX)
    {
        return Err(LunoraError::new(Code::Forbidden, "only functions can be scheduled"));
    }
    let key = match &dispatch.shard_key {
        Some(key) => ShardKey::new(key.as_str())?,
        None => host.default_shard_key().clone(),
    };
    let mutation_id = dispatch.id.as_deref();
    let mut call = SystemCall { function_path, args, mutation_id }.to_request()?;
    // A signature only covers the body: the user of a call is only taken from the headers of an
    // operator.
    if let Some(request) = trusted {
        for name in [USER_ID, IDENTITY] {
            if let Some(value) = request.headers().get(&name) {
                call.headers_mut().insert(name, value.clone());
            }
        }
    }
    let shard = host.shard(key);
    Ok(host.deadline().run("the shard", shard.fetch(call)).await??)
}

async fn start_workflow(
    plane: &Plane,
    name: &str,
    id: Option<&str>,
    args: &str,
) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    struct Started {
        result: Instance,
    }

    #[derive(Serialize)]
    struct Instance {
        id: String,
    }

    let workflow = plane.workflow(name)?;
    let id = workflow.create(id, args).await?;
    Response::json(&Started { result: Instance { id } })
}

/// Releases the call's place in its pool, so that the next call of the pool may run. A failure to
/// release it is logged, since the call itself is done.
async fn release_pool(plane: &Plane, host: &dyn AdminHost, dispatch: &Dispatch) {
    let Some(pool) = dispatch.pool.as_deref().filter(|pool| !pool.is_empty()) else {
        return;
    };
    let released = match &plane.pools {
        Some(pools) => {
            let instance = dispatch.instance_name.as_deref();
            pools.release(instance, pool, dispatch.id.as_deref(), host.deadline()).await
        }
        None => Err(LunoraError::new(
            Code::SchedulerNotConfigured,
            "no scheduler is configured: call `.scheduler(..)` on the builder",
        )),
    };
    if let Err(error) = released {
        log::error(&format!(
            "the slot in the pool `{pool}` could not be released: {}",
            error.to_log_line()
        ));
    }
}
