//! In-memory workflows: the started instances and their states.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures::future::{FutureExt, LocalBoxFuture, ready};

use crate::{
    errors::LunoraError,
    platform::{Workflow, WorkflowAction},
};

/// An in-memory [`Workflow`] that runs nothing and records its calls. A clone shares the instances.
///
/// ```
/// use lunora::{platform::Workflow, testing::MemoryWorkflow};
///
/// # futures::executor::block_on(async {
/// let workflow = MemoryWorkflow::new();
/// workflow.create(Some("a"), r#"{"n":1}"#).await?;
/// assert_eq!(workflow.params("a").as_deref(), Some(r#"{"n":1}"#));
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryWorkflow {
    instances: Rc<RefCell<BTreeMap<String, Instance>>>,
}

#[derive(Debug)]
struct Instance {
    params: String,
    status: &'static str,
}

impl MemoryWorkflow {
    /// Returns a workflow without instances.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the ids of the instances.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.instances.borrow().keys().cloned().collect()
    }

    /// Returns the parameters with which an instance was started.
    #[must_use]
    pub fn params(&self, id: &str) -> Option<String> {
        self.instances.borrow().get(id).map(|instance| instance.params.clone())
    }
}

impl Workflow for MemoryWorkflow {
    fn create<'a>(
        &'a self,
        id: Option<&'a str>,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>> {
        let mut instances = self.instances.borrow_mut();
        let id = id.map_or_else(|| format!("instance-{}", instances.len() + 1), str::to_owned);
        instances
            .entry(id.clone())
            .or_insert_with(|| Instance { params: params.to_owned(), status: "running" });
        ready(Ok(id)).boxed_local()
    }

    fn status<'a>(
        &'a self,
        id: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>> {
        let instances = self.instances.borrow();
        let status = instances.get(id).map(|it| format!(r#"{{"status":"{}"}}"#, it.status));
        ready(Ok(status)).boxed_local()
    }

    fn act<'a>(
        &'a self,
        id: &'a str,
        action: WorkflowAction,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        let mut instances = self.instances.borrow_mut();
        let found = instances.get_mut(id).map(|instance| {
            instance.status = match action {
                WorkflowAction::Pause => "paused",
                WorkflowAction::Resume => "running",
                WorkflowAction::Terminate => "terminated",
            };
        });
        ready(Ok(found.is_some())).boxed_local()
    }
}
