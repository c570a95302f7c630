//! The clock of the runtime.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::{glue, promise::Awaited};
use crate::platform::Clock;

/// The clock of the Workers runtime.
///
/// It stands still between two I/O operations. In a simulated deployment it is the simulation's
/// clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloudflareClock;

impl Clock for CloudflareClock {
    fn now_ms(&self) -> u64 {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(clock) = crate::platform::memory::simulated_clock() {
            return clock.now_ms();
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds are whole and below 2^53"
        )]
        let now = worker::js_sys::Date::now() as u64;
        now
    }

    /// Sleeps for whole milliseconds, rounded up.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(clock) = crate::platform::memory::simulated_clock() {
            return clock.sleep(duration);
        }
        Box::pin(async move {
            let mut rest = duration.saturating_add(Duration::from_nanos(999_999)).as_millis();
            while rest > 0 {
                // A timer of JavaScript counts in 31 bits, and fires at once on more.
                let nap = i32::try_from(rest).unwrap_or(i32::MAX);
                rest -= u128::from(nap.unsigned_abs());
                // A timer cannot fail.
                let _ = Awaited::start(|slot| glue::sleep(nap, slot)).await;
            }
        })
    }
}
