//! A binding of Cloudflare Workflows.

use futures::future::LocalBoxFuture;
use wasm_bindgen::prelude::*;
use worker::{
    Env,
    js_sys::{Promise, Reflect},
};

use super::{
    error::JsFailure,
    promise::{Awaited, Value},
};
use crate::{
    errors::{Code, LunoraError},
    platform::{Workflow, WorkflowAction},
};

#[wasm_bindgen(module = "/src/platform/cloudflare/workflow.js")]
extern "C" {
    #[wasm_bindgen(js_name = workflowCreate)]
    fn create(workflow: &JsValue, id: Option<&str>, params: &str) -> Promise;

    #[wasm_bindgen(js_name = workflowStatus)]
    fn status(workflow: &JsValue, id: &str) -> Promise;

    #[wasm_bindgen(js_name = workflowAct)]
    fn act(workflow: &JsValue, id: &str, action: &str) -> Promise;
}

/// A binding of Cloudflare Workflows, which the crate `worker` has no type for.
///
/// ```no_run
/// use lunora::{Env, LunoraError, cron, platform::CloudflareWorkflow, schedule::CronJob};
///
/// fn nightly(env: &Env) -> Result<CronJob, LunoraError> {
///     let digest = CloudflareWorkflow::from_env(env, "DIGEST")?;
///     Ok(CronJob::workflow("digest", cron!("0 3 * * *"), "DIGEST", digest))
/// }
/// ```
#[derive(Clone)]
pub struct CloudflareWorkflow(JsValue);

impl CloudflareWorkflow {
    /// Returns the workflow that is bound to `binding`.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if nothing of that name is bound, or if the binding has no `create`.
    pub fn from_env(env: &Env, binding: &str) -> Result<Self, LunoraError> {
        let found = Reflect::get(env, &binding.into()).ok();
        let is_workflow = |found: &JsValue| {
            Reflect::get(found, &"create".into()).is_ok_and(|create| create.is_function())
        };
        found.filter(is_workflow).map(Self).ok_or_else(|| {
            LunoraError::new(Code::Misconfigured, "a workflow is not bound").with_source(format!(
                "there is no workflow `{binding}`: add it to `workflows` in wrangler.jsonc"
            ))
        })
    }
}

impl Workflow for CloudflareWorkflow {
    fn create<'a>(
        &'a self,
        id: Option<&'a str>,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>> {
        let promise = create(&self.0, id, params);
        Box::pin(async move { Ok(settled(promise).await?.as_string().unwrap_or_default()) })
    }

    fn status<'a>(
        &'a self,
        id: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>> {
        let promise = status(&self.0, id);
        Box::pin(async move { Ok(settled(promise).await?.as_string()) })
    }

    fn act<'a>(
        &'a self,
        id: &'a str,
        action: WorkflowAction,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        let promise = act(&self.0, id, action.as_str());
        Box::pin(async move { Ok(settled(promise).await?.is_truthy()) })
    }
}

async fn settled(promise: Promise) -> Result<JsValue, LunoraError> {
    Awaited::promise(&promise)
        .await
        .map(Value::into_js)
        .map_err(|thrown| LunoraError::internal(JsFailure::from(thrown)))
}

impl std::fmt::Debug for CloudflareWorkflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudflareWorkflow").finish_non_exhaustive()
    }
}
