//! The clock of the runtime.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::platform::Clock;

/// The clock of the Workers runtime.
///
/// It stands still between two I/O operations. A sleep must be finished by the task that first
/// polled it: its timer wakes that task and no other. In a simulated deployment it is the
/// simulation's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloudflareClock;

impl Clock for CloudflareClock {
    fn now_ms(&self) -> u64 {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(clock) = crate::platform::memory::simulated_clock() {
            return clock.now_ms();
        }
        worker::Date::now().as_millis()
    }

    /// Whole milliseconds, rounded up.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(clock) = crate::platform::memory::simulated_clock() {
            return clock.sleep(duration);
        }
        // A timer of JavaScript counts in 31 bits, and fires at once on more.
        const LONGEST: Duration = Duration::from_millis(0x7fff_ffff);
        Box::pin(async move {
            let mut rest = duration.saturating_add(Duration::from_nanos(999_999));
            while rest.as_millis() > 0 {
                let nap = rest.min(LONGEST);
                rest -= nap;
                worker::Delay::from(nap).await;
            }
        })
    }
}
