//! Long-running work that the host keeps alive: a Workflow, or its stand-in in a test.

use futures::future::LocalBoxFuture;

use crate::errors::LunoraError;

/// A workflow of the deployment: a binding of Cloudflare Workflows, or its stand-in in a test.
pub trait Workflow: 'static {
    /// Starts an instance and returns its id. `params` is JSON text; without an `id` the host
    /// generates one.
    ///
    /// An id that is already taken starts nothing and is not an error: a caller with an id wants
    /// one instance of it.
    fn create<'a>(
        &'a self,
        id: Option<&'a str>,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>>;

    /// Returns the host's status of an instance, as JSON text of an object; `None` if the instance
    /// does not exist.
    fn status<'a>(&'a self, id: &'a str)
    -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>>;

    /// Stops or continues an instance; `false` if the instance does not exist.
    fn act<'a>(
        &'a self,
        id: &'a str,
        action: WorkflowAction,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;
}

/// An action on an instance of a workflow.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum WorkflowAction {
    /// Stops it until it is resumed.
    Pause,
    /// Resumes it.
    Resume,
    /// Ends it.
    Terminate,
}

impl WorkflowAction {
    /// Returns the platform's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Terminate => "terminate",
        }
    }
}
