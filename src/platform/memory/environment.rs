//! Variables and secrets that a test sets.

use std::collections::BTreeMap;

use crate::platform::Environment;

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
}

impl Environment for MemoryEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }
}
