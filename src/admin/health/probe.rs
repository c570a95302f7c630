//! The checks of a health report.

use std::{fmt, marker::PhantomData};

use futures::future::LocalBoxFuture;

use crate::errors::LunoraError;

/// A check of [`Health`](crate::operate::Health): something that the application needs, or would miss.
///
/// Its errors are logged. Its name and the messages of its errors are only shown to operators
/// ([`Health::admin_only`](crate::operate::Health::admin_only)).
pub struct Probe {
    pub(super) name: String,
    pub(super) critical: bool,
    pub(super) readiness: bool,
    pub(super) check: Box<dyn RunsCheck>,
}

impl Probe {
    /// Creates a check that is not critical; it is down if `check` fails or takes too long.
    pub fn new<F, E>(name: impl Into<String>, check: F) -> Self
    where
        F: AsyncFn() -> Result<(), E> + 'static,
        E: Into<Box<dyn std::error::Error>> + 'static,
    {
        let check = Box::new(CheckFn(check, PhantomData));
        Self { name: name.into(), critical: false, readiness: true, check }
    }

    /// Marks the check as critical: the application cannot work without it.
    #[must_use]
    pub fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    /// Excludes the check from `/_lunora/health/ready`.
    #[must_use]
    pub fn not_for_readiness(mut self) -> Self {
        self.readiness = false;
        self
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("name", &self.name)
            .field("critical", &self.critical)
            .finish_non_exhaustive()
    }
}

pub(super) trait RunsCheck {
    fn check(&self) -> LocalBoxFuture<'_, Result<(), LunoraError>>;
}

struct CheckFn<F, E>(F, PhantomData<fn() -> E>);

impl<F, E> RunsCheck for CheckFn<F, E>
where
    F: AsyncFn() -> Result<(), E> + 'static,
    E: Into<Box<dyn std::error::Error>> + 'static,
{
    fn check(&self) -> LocalBoxFuture<'_, Result<(), LunoraError>> {
        Box::pin(async move {
            (self.0)().await.map_err(|error| {
                let error: Box<dyn std::error::Error> = error.into();
                match error.downcast::<LunoraError>() {
                    Ok(error) => *error,
                    Err(error) => LunoraError::internal(error),
                }
            })
        })
    }
}
