//! Long-running work that the host keeps alive: a Workflow, or its stand-in in a test.

use futures::future::LocalBoxFuture;

use crate::errors::LunoraError;

/// A workflow of the deployment: a binding of Cloudflare Workflows, or its stand-in in a test.
pub trait Workflow: 'static {
    /// Starts an instance and answers its id. `params` is JSON text; without an `id` the host
    /// makes one up.
    ///
    /// An id that is taken starts nothing and is no error: whoever gives an id wants one instance
    /// of it.
    fn create<'a>(
        &'a self,
        id: Option<&'a str>,
        params: &'a str,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>>;

    /// What the host says of an instance, as JSON text of an object; `None` when there is no such
    /// instance.
    fn status<'a>(&'a self, id: &'a str)
    -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>>;

    /// Stops or continues an instance; `false` when there is no such instance.
    fn act<'a>(
        &'a self,
        id: &'a str,
        action: WorkflowAction,
    ) -> LocalBoxFuture<'a, Result<bool, LunoraError>>;
}

/// What can be done to an instance of a workflow.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum WorkflowAction {
    /// Stops it until it is resumed.
    Pause,
    /// Lets it go on.
    Resume,
    /// Ends it.
    Terminate,
}

impl WorkflowAction {
    /// The platform's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Terminate => "terminate",
        }
    }
}
