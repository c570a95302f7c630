//! The outcome of a handler without a response.

use crate::errors::LunoraError;

/// A value that a handler of a trigger, a queue or e-mails may return: nothing, or a `Result` of nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a handler of a trigger, a queue or e-mails returns",
    label = "return `()` or `Result<(), LunoraError>`",
    note = "an error fails the run: a trigger shows it, and a queue delivers its batch again"
)]
pub trait IntoOutcome {
    /// Returns the outcome.
    ///
    /// # Errors
    /// The error of the handler, with which the run fails.
    fn into_outcome(self) -> Result<(), LunoraError>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<(), LunoraError> {
        Ok(())
    }
}

impl<E: Into<LunoraError>> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), LunoraError> {
        self.map_err(Into::into)
    }
}
