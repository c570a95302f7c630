//! A clock that a test moves.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::future::LocalBoxFuture;

use crate::platform::Clock;

/// A [`Clock`] that stands still until a test moves it.
///
/// A clone is the same clock. [`run`](Self::run) moves it automatically whenever the code under
/// test only sleeps; [`advance`](Self::advance) moves it manually.
///
/// ```
/// use std::time::Duration;
/// use lunora::{platform::Clock, testing::ManualClock};
///
/// # futures::executor::block_on(async {
/// let clock = ManualClock::new(1_000);
/// clock.run(clock.sleep(Duration::from_secs(3600))).await; // takes no time
/// assert_eq!(clock.now_ms(), 3_601_000);
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    state: Rc<State>,
}

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    static SIMULATED: RefCell<Option<ManualClock>> = const { RefCell::new(None) };
}

/// Returns the clock of the deployment that this thread simulates.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn simulated_clock() -> Option<ManualClock> {
    SIMULATED.try_with(|clock| clock.borrow().clone()).ok().flatten()
}

/// Makes `clock` the clock of the platform on this thread, until another one is set.
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) fn simulate_clock(clock: Option<ManualClock>) {
    let _ = SIMULATED.try_with(|simulated| *simulated.borrow_mut() = clock);
}

#[derive(Debug, Default)]
struct State {
    now: Cell<Duration>,
    sleepers: RefCell<BTreeMap<Alarm, Waker>>,
    alarms: Cell<u64>,
}

/// The time at which a sleeper wakes; the number orders sleepers that wake together, first come
/// first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Alarm {
    due: Duration,
    number: u64,
}

impl ManualClock {
    /// Returns a clock that shows `now_ms` milliseconds since 1970; the default shows 0.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        let clock = Self::default();
        clock.state.now.set(Duration::from_millis(now_ms));
        clock
    }

    /// Advances the clock and wakes every sleeper that is due by then, the earliest first.
    ///
    /// A sleeper that sleeps again counts from the new time.
    pub fn advance(&self, duration: Duration) {
        let now = self.state.now.get().saturating_add(duration);
        self.state.now.set(now);
        while let Some(waker) = self.state.next_due() {
            waker.wake();
        }
    }

    /// Moves the clock to the time at which the next sleeper wakes; `false` without sleepers.
    #[allow(clippy::must_use_candidate, reason = "most callers want the effect")]
    pub fn advance_to_next(&self) -> bool {
        let next = self.state.sleepers.borrow().keys().next().copied();
        if let Some(alarm) = next {
            self.advance(alarm.due.saturating_sub(self.state.now.get()));
        }
        next.is_some()
    }

    /// Returns the time until the next sleeper wakes.
    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub(crate) fn until_next(&self) -> Option<Duration> {
        let next = self.state.sleepers.borrow().keys().next().copied();
        next.map(|alarm| alarm.due.saturating_sub(self.state.now.get()))
    }

    /// Returns the number of sleepers.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state.sleepers.borrow().len()
    }

    /// Runs `future` and advances the clock whenever it only sleeps.
    ///
    /// A future that waits for something other than this clock, such as a shard that
    /// [hangs](super::MemoryShard::hangs), stays pending.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let progress = Arc::new(Progress::new(context));
            let waker = Waker::from(progress.clone());
            let mut context = Context::from_waker(&waker);
            loop {
                progress.0.store(false, Ordering::Relaxed);
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return Poll::Ready(output);
                }
                if !progress.0.load(Ordering::Relaxed) && !self.advance_to_next() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.state.now.get().as_millis()).unwrap_or(u64::MAX)
    }

    /// Counts from this call, not from the first poll.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let number = self.state.alarms.get();
        self.state.alarms.set(number + 1);
        Box::pin(Sleep {
            alarm: Alarm { due: self.state.now.get().saturating_add(duration), number },
            state: self.state.clone(),
        })
    }
}

impl State {
    fn next_due(&self) -> Option<Waker> {
        let mut sleepers = self.sleepers.borrow_mut();
        let earliest = sleepers.first_entry()?;
        (earliest.key().due <= self.now.get()).then(|| earliest.remove())
    }
}

struct Sleep {
    alarm: Alarm,
    state: Rc<State>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.alarm.due <= self.state.now.get() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        // A waker may own the last hold on other sleepers: it is dropped after the borrow.
        let replaced = self.state.sleepers.borrow_mut().insert(self.alarm, waker);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let removed = self.state.sleepers.borrow_mut().remove(&self.alarm);
        drop(removed);
    }
}

/// Records whether a future was woken during its poll, and holds the waker for a later wake.
struct Progress(AtomicBool, Waker);

impl Progress {
    fn new(context: &Context<'_>) -> Self {
        Self(AtomicBool::new(false), context.waker().clone())
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
        self.1.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use futures::{executor::LocalPool, future, task::LocalSpawnExt};
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_sleep_that_is_dropped_is_forgotten() {
        let clock = ManualClock::new(0);
        let mut sleep = clock.sleep(ms(5));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        assert_eq!(clock.sleepers(), 1);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn run_gives_each_sleeper_its_own_time() {
        let clock = ManualClock::new(100);
        let seen = RefCell::new(Vec::new());
        let nap = async |times: &[u64]| {
            for time in times {
                clock.sleep(ms(*time)).await;
                seen.borrow_mut().push(clock.now_ms());
            }
        };
        futures::executor::block_on(clock.run(future::join(nap(&[10, 10]), nap(&[15, 15]))));
        assert_eq!(*seen.borrow(), [110, 115, 120, 130]);
    }

    #[test]
    fn run_does_not_touch_the_time_while_there_is_work() {
        let clock = ManualClock::new(0);
        let work = async {
            let timeout = clock.sleep(ms(5));
            let mut turns = 0;
            let busy = poll_fn(|context| {
                turns += 1;
                context.waker().wake_by_ref();
                if turns < 100 { Poll::Pending } else { Poll::Ready(()) }
            });
            matches!(future::select(timeout, busy).await, future::Either::Right(_))
        };
        assert!(futures::executor::block_on(clock.run(work)));
        assert_eq!(clock.now_ms(), 0);
    }

    proptest! {
        #[test]
        fn sleepers_wake_in_the_order_of_their_due_times(
            naps in prop::collection::vec(0_u64..50, 0..20),
            steps in prop::collection::vec(0_u64..20, 0..10),
        ) {
            let clock = ManualClock::new(0);
            let woken = Rc::new(RefCell::new(Vec::new()));
            let mut pool = LocalPool::new();
            for (number, nap) in naps.iter().copied().enumerate() {
                let (sleep, woken) = (clock.sleep(ms(nap)), woken.clone());
                let task = async move { sleep.await; woken.borrow_mut().push((nap, number)); };
                prop_assert!(pool.spawner().spawn_local(task).is_ok());
            }
            pool.run_until_stalled();
            for step in steps {
                clock.advance(ms(step));
                pool.run_until_stalled();
            }
            let now = clock.now_ms();
            let mut due: Vec<_> = naps.iter().copied().enumerate()
                .map(|(number, nap)| (nap, number))
                .filter(|(nap, _)| *nap <= now)
                .collect();
            due.sort_unstable();
            prop_assert_eq!(clock.sleepers(), naps.len() - due.len());
            prop_assert_eq!(&*woken.borrow(), &due);
        }
    }
}
