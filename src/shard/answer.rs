//! The bound on the answer of a function.

use crate::errors::{Code, LunoraError};

/// The largest value that a query or a mutation returns, in bytes of JSON.
///
/// It is copied several times while it is answered, in an isolate of 128 MB that other shards
/// share.
pub(super) const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Refuses an answer that is too large. That of an action, whose effects stay, passes.
///
/// # Errors
/// 413 `PAYLOAD_TOO_LARGE`.
pub(super) fn check_answer(result: &str) -> Result<(), LunoraError> {
    if result.len() <= MAX_ANSWER {
        return Ok(());
    }
    let message = format!(
        "the answer is too large: expected at most {MAX_ANSWER} bytes, got {}; return it in pages",
        result.len()
    );
    Err(LunoraError::new(Code::PayloadTooLarge, message))
}
