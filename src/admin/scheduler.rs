//! `scheduled*`: the jobs of a scheduler, which is a separate Durable Object.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use http::header::UPGRADE;
use serde::{Deserialize, Serialize};

use super::{AdminCall, AreaHandler, Pools, unhandled};
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::{Deadline, Placement, ShardNamespace, resolve_shard},
    wire::ShardKey,
};

/// The scheduler of a deployment: an object of a namespace, by default the one named `default`.
///
/// It is called at `https://scheduler.internal/…`: `/list`, `/status`, `/ws`, `/cancel`, `/dead`,
/// `/dead/retry`, `/dead/cancel` and `/complete`.
#[derive(Clone)]
pub struct Scheduler {
    namespace: Rc<dyn ShardNamespace>,
    instance: ShardKey,
}

impl Scheduler {
    const ORIGIN: &'static str = "https://scheduler.internal";

    /// Creates the scheduler in this namespace.
    #[must_use]
    pub fn new(namespace: impl ShardNamespace) -> Self {
        let instance = ShardKey::new("default").unwrap_or_default();
        Self { namespace: Rc::new(namespace), instance }
    }

    /// Sets the object's name. Default: `default`.
    #[must_use]
    pub fn instance(mut self, name: ShardKey) -> Self {
        self.instance = name;
        self
    }

    async fn complete(
        &self,
        instance: ShardKey,
        pool: &str,
        id: Option<&str>,
        deadline: Deadline<'_>,
    ) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Release<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a str>,
            pool: &'a str,
        }

        self.send(instance, "/complete", &Release { id, pool }, deadline).await
    }

    async fn send(
        &self,
        instance: ShardKey,
        path: &str,
        body: &impl Serialize,
        deadline: Deadline<'_>,
    ) -> Result<Response, LunoraError> {
        let body = serde_json::to_vec(body).map_err(LunoraError::internal)?;
        let request = Request::post(format!("{}{path}", Self::ORIGIN), body)
            .with_header("content-type", "application/json");
        self.fetch(instance, request, deadline).await
    }

    async fn fetch(
        &self,
        instance: ShardKey,
        request: Request,
        deadline: Deadline<'_>,
    ) -> Result<Response, LunoraError> {
        let object = resolve_shard(&self.namespace, instance, &Placement::default());
        Ok(deadline.run("the scheduler", object.fetch(request)).await??)
    }

    async fn get(&self, call: &AdminCall<'_>, path: &str) -> Result<Response, LunoraError> {
        let mut url = format!("{}{path}", Self::ORIGIN);
        if let Some(cursor) = call.query("cursor") {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("cursor", &cursor)
                .finish();
            url.push('?');
            url.push_str(&query);
        }
        self.fetch(self.instance.clone(), Request::get(url), call.host.deadline()).await
    }

    async fn by_id(&self, call: &mut AdminCall<'_>, path: &str) -> Result<Response, LunoraError> {
        #[derive(Deserialize, Serialize)]
        struct ById {
            id: String,
        }

        let body: ById = call.body("Scheduled action").await?;
        if body.id.is_empty() {
            return Err(LunoraError::bad_request("`id` must not be empty"));
        }
        self.send(self.instance.clone(), path, &body, call.host.deadline()).await
    }

    async fn release_by_hand(&self, call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Deserialize)]
        struct Release {
            pool: String,
            #[serde(default)]
            id: Option<String>,
        }

        let Release { pool, id } = call.body("Scheduled pool-release").await?;
        if pool.is_empty() {
            return Err(LunoraError::bad_request("`pool` must not be empty"));
        }
        let id = id.filter(|id| !id.is_empty());
        let deadline = call.host.deadline();
        self.complete(self.instance.clone(), &pool, id.as_deref(), deadline).await
    }

    /// Hands a live connection to the scheduler. Everything else that the client sent stays here,
    /// above all its credential.
    async fn live(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        if !call.request.is_upgrade() {
            // Every other socket endpoint answers 426 too; the pipeline formats it.
            return Err(LunoraError::custom(
                Code::BadRequest.as_str(),
                426,
                "Expected a WebSocket upgrade: send `Upgrade: websocket`",
            ));
        }
        let mut request = Request::get(format!("{}/ws", Self::ORIGIN));
        for (name, value) in call.request.headers() {
            if name == UPGRADE || name.as_str().starts_with("sec-websocket-") {
                request.headers_mut().append(name, value.clone());
            }
        }
        self.fetch(self.instance.clone(), request, call.host.deadline()).await
    }
}

impl Pools for Scheduler {
    fn release<'a>(
        &'a self,
        instance: Option<&'a str>,
        pool: &'a str,
        id: Option<&'a str>,
        deadline: Deadline<'a>,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin(async move {
            let instance = instance.map(ShardKey::new).transpose()?;
            let instance = instance.unwrap_or_else(|| self.instance.clone());
            let answer = self.complete(instance, pool, id, deadline).await?;
            if answer.status().is_success() {
                return Ok(());
            }
            let status = answer.status().as_u16();
            Err(LunoraError::new(Code::ShardHttpError, format!("the scheduler answered {status}")))
        })
    }
}

impl AreaHandler for Scheduler {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "scheduled" => self.get(&call, "/list").await,
                "scheduled/dead" => self.get(&call, "/dead").await,
                "scheduled/status" => self.get(&call, "/status").await,
                "scheduled/ws" => self.live(&call).await,
                "scheduled/cancel" => self.by_id(&mut call, "/cancel").await,
                "scheduled/dead/retry" => self.by_id(&mut call, "/dead/retry").await,
                "scheduled/dead/cancel" => self.by_id(&mut call, "/dead/cancel").await,
                "scheduled/pool/release" => self.release_by_hand(&mut call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("instance", &self.instance).finish_non_exhaustive()
    }
}
