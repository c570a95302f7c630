//! What may go wrong in a simulated deployment, and how often.

/// What may go wrong in a [`World`](super::World), and how often.
///
/// Each number is "once in so many": requests, steps, store calls or triggers. 0 is never, which
/// is the default.
///
/// ```
/// use lunora::testing::Faults;
///
/// let faults = Faults { lost_answers: 20, ..Faults::none() };
/// assert_eq!(faults.crashes, 0);
/// assert!(Faults::all().crashes > 0);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "written with `..Faults::none()`")]
pub struct Faults {
    /// A request is lost before it has an effect: from a client, or from the Worker to an object.
    pub lost_requests: u32,
    /// An answer is lost after the request had its effect.
    pub lost_answers: u32,
    /// A call of an object never ends, whether or not it had its effect.
    pub hangs: u32,
    /// Before a step of any task: an object's process dies. Its memory and its sockets are gone.
    pub crashes: u32,
    /// Before a step: the wasm instance of an object traps. Its memory is gone, its sockets stay.
    pub traps: u32,
    /// Before a step: an idle object is evicted. Its memory is gone, its sockets hibernate.
    pub sleeps: u32,
    /// Before a step: an isolate of the Worker dies with every request in it.
    pub isolate_crashes: u32,
    /// Before a step: the clock jumps by up to a minute.
    pub clock_jumps: u32,
    /// A call of the object store fails before it has an effect.
    pub store_failures: u32,
    /// A call of the object store fails although it had its effect.
    pub store_answers_lost: u32,
    /// A trigger is delivered twice.
    pub double_triggers: u32,
}

impl Faults {
    /// Returns faults that never happen.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            lost_requests: 0,
            lost_answers: 0,
            hangs: 0,
            crashes: 0,
            traps: 0,
            sleeps: 0,
            isolate_crashes: 0,
            clock_jumps: 0,
            store_failures: 0,
            store_answers_lost: 0,
            double_triggers: 0,
        }
    }

    /// Returns faults of every kind, now and then.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            lost_requests: 40,
            lost_answers: 30,
            hangs: 80,
            crashes: 150,
            traps: 200,
            sleeps: 60,
            isolate_crashes: 300,
            clock_jumps: 200,
            store_failures: 30,
            store_answers_lost: 30,
            double_triggers: 4,
        }
    }
}
