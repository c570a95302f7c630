//! `workflows/*`: the instances of workflows.

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
    platform::WorkflowAction,
};

/// The routes for the bound workflows.
///
/// A binding finds an instance by its id and cannot list instances, so that the list is that of a
/// deployment without credentials for Cloudflare's own API.
pub(crate) struct Workflows;

impl AreaHandler for Workflows {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "workflows/instances" => {
                    no_instances(call.plane.workflows.iter().map(|(name, _)| &**name).collect())
                }
                "workflows/instance" => instance(&call).await,
                "workflows/status" => act(&mut call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}

/// Returns the list of a deployment that cannot list instances, with the names of its workflows.
pub(super) fn no_instances(workflows: Vec<&str>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Instances<'a> {
        configured: bool,
        instances: [(); 0],
        page: u32,
        per_page: u32,
        total_count: u32,
        workflows: Vec<&'a str>,
    }

    Response::json(&Instances {
        configured: false,
        instances: [],
        page: 1,
        per_page: 0,
        total_count: 0,
        workflows,
    })
}

async fn instance(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    let (name, id) = (call.require_query("name")?, call.require_query("id")?);
    let status = call.plane.workflow(&name)?.status(&id).await?;
    status.map(Response::raw_json).ok_or_else(|| missing(&name, &id))
}

async fn act(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Act {
        name: String,
        id: String,
        action: Action,
    }

    #[derive(Clone, Copy, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Action {
        Pause,
        Resume,
        Terminate,
    }

    #[derive(Serialize)]
    struct Acted<'a> {
        id: &'a str,
        ok: bool,
    }

    let Act { name, id, action } = call.body("Workflow status").await?;
    let action = match action {
        Action::Pause => WorkflowAction::Pause,
        Action::Resume => WorkflowAction::Resume,
        Action::Terminate => WorkflowAction::Terminate,
    };
    if call.plane.workflow(&name)?.act(&id, action).await? {
        Response::json(&Acted { id: &id, ok: true })
    } else {
        Err(missing(&name, &id))
    }
}

fn missing(name: &str, id: &str) -> LunoraError {
    LunoraError::new(Code::NotFound, format!("the workflow `{name}` has no instance `{id}`"))
}
