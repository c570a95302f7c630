//! The alarm of a Durable Object, which wakes it also from hibernation.

use worker::State;

use super::glue;

/// Sets the object's only alarm to a time, in milliseconds since 1970.
#[allow(clippy::cast_precision_loss, reason = "beyond 2^53 ms no alarm is due")]
pub(crate) fn set(state: &State, at_ms: u64) {
    // The last time that JavaScript can represent.
    const LAST: u64 = 8_640_000_000_000_000;
    glue::set_alarm(state.as_raw(), at_ms.min(LAST) as f64);
}
