//! Variables and secrets that a test sets.

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;

use super::MemoryContext;
use crate::platform::{Environment, ExecutionContext};

/// Variables and secrets in memory; empty by default.
///
/// ```
/// use lunora::{platform::Environment, testing::MemoryEnvironment};
///
/// let env = MemoryEnvironment::new().with_var("ADMIN_TOKEN", "t0ken");
/// assert_eq!(env.var("ADMIN_TOKEN").as_deref(), Some("t0ken"));
/// assert_eq!(env.var("OTHER"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryEnvironment {
    vars: BTreeMap<String, String>,
    tasks: MemoryContext,
}

impl MemoryEnvironment {
    /// Returns an environment without variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable or a secret; set again, the last value counts.
    #[must_use]
    pub fn with_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// Returns the tasks that were left to [`wait_until`](Environment::wait_until).
    #[must_use]
    pub fn tasks(&self) -> &MemoryContext {
        &self.tasks
    }
}

impl Environment for MemoryEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        self.tasks.wait_until(task);
    }
}
