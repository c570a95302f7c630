//! Routes of every deployment: socket tokens, functions, cron jobs, API documents, replayed
//! triggers, point-in-time recovery.

use headers::CacheControl;
use serde::{Deserialize, Serialize};

use super::{AdminCall, documents, pitr, unhandled};
use crate::{
    errors::{Code, LunoraError},
    jobs::CronJob,
    message::Response,
    platform::{CronExpression, ScheduledEvent},
    wire::{iso::to_iso, signature},
};

pub(super) async fn answer(mut call: AdminCall<'_>) -> Result<Response, LunoraError> {
    match call.op() {
        "ws-token" => ws_token(&call),
        "functions" => functions(&call),
        "cron-jobs" => cron_jobs(&call),
        "cron-jobs/run" => run_cron_job(&mut call).await,
        "openapi" => document(&call, documents::Kind::OpenApi),
        "openrpc" => document(&call, documents::Kind::OpenRpc),
        "pitr" => pitr::answer(&mut call).await,
        "/_lunora/scheduled" => replay_trigger(&mut call).await,
        _ => Err(unhandled(&call)),
    }
}

/// Creates a token for admin sockets that is valid for a minute (docs/wire.md, "Admin gate").
fn ws_token(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Minted {
        token: String,
        expires_at_ms: u64,
    }

    let Some(token) = call.token else {
        return Err(LunoraError::new(
            Code::AdminTokenNotConfigured,
            "a socket token requires the admin token, and none is configured: set LUNORA_ADMIN_TOKEN",
        ));
    };
    let expires_at_ms = call.host.clock().now_ms() + signature::WS_TOKEN_TTL_MS;
    let minted = Minted { token: signature::mint_ws_token(token, expires_at_ms), expires_at_ms };
    Ok(Response::json(&minted)?.with_typed(CacheControl::new().with_no_store()))
}

fn functions(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    let functions = call.plane.functions.as_ref().ok_or_else(|| {
        LunoraError::new(
            Code::FunctionsNotConfigured,
            "this deployment lists no functions: call `.functions(..)` on the builder",
        )
    })?;
    Ok(Response::raw_json(functions.functions()?))
}

fn document(call: &AdminCall<'_>, kind: documents::Kind) -> Result<Response, LunoraError> {
    Ok(match &call.plane.functions {
        Some(functions) => Response::raw_json(functions.document(kind)?),
        None => Response::raw_json(kind.empty()),
    })
}

fn cron_jobs(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    struct Jobs<'a> {
        jobs: Vec<Listed<'a>>,
    }

    #[derive(Serialize)]
    struct Listed<'a> {
        #[serde(flatten)]
        job: &'a CronJob,
        next: Option<String>,
        previous: Option<String>,
    }

    let now = i64::try_from(call.host.clock().now_ms()).map_err(LunoraError::internal)?;
    let mut jobs: Vec<Listed<'_>> = Vec::new();
    for job in configured_jobs(call)? {
        // There are few of them, and the standard library's sort is large.
        let place = jobs.partition_point(|known| known.job.name() <= job.name());
        let next = job.cron().next_after(now).map(to_iso);
        let previous = job.cron().previous_at_or_before(now).map(to_iso);
        jobs.insert(place, Listed { job, next, previous });
    }
    Response::json(&Jobs { jobs })
}

async fn run_cron_job(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Run {
        name: String,
    }

    #[derive(Serialize)]
    struct Ran<'a> {
        name: &'a str,
        ran: bool,
    }

    let Run { name } = call.body("Cron-job run").await?;
    let job = configured_jobs(call)?.iter().find(|job| job.name() == name).ok_or_else(|| {
        LunoraError::new(Code::CronJobNotFound, format!("there is no cron job `{name}`"))
    })?;
    call.host.run_cron_job(job).await.map_err(|error| {
        LunoraError::new(Code::CronJobFailed, format!("the cron job `{name}` failed"))
            .with_source(error)
    })?;
    Response::json(&Ran { name: &name, ran: true })
}

fn configured_jobs<'a>(call: &AdminCall<'a>) -> Result<&'a [CronJob], LunoraError> {
    match call.host.cron_jobs() {
        [] => Err(LunoraError::new(
            Code::CronJobsNotConfigured,
            "this deployment has no cron jobs: call `.cron_job(..)` on the builder",
        )),
        jobs => Ok(jobs),
    }
}

/// Runs the registered handlers of a trigger, for platforms that fire none, such as a dispatch
/// namespace (docs/wire.md, "Reserved paths").
async fn replay_trigger(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Tick {
        #[serde(default)]
        cron: String,
    }

    #[derive(Serialize)]
    struct Ticked<'a> {
        cron: &'a str,
        ok: bool,
    }

    let Tick { cron } = call.body("Scheduled tick").await?;
    if let Err(error) = cron.parse::<CronExpression>() {
        return Err(LunoraError::bad_request(format!(
            "invalid cron expression in `cron`: {error}"
        )));
    }
    let now = i64::try_from(call.host.clock().now_ms()).unwrap_or(i64::MAX);
    call.host.run_trigger(ScheduledEvent::new(&*cron, now)).await?;
    Response::json(&Ticked { cron: &cron, ok: true })
}
