//! Scripted failures of one shard of a test.

use std::{collections::VecDeque, fmt, rc::Rc, time::Duration};

use super::{
    clock::ManualClock,
    namespace::{RecordedCall, State},
};
use crate::{message::Response, platform::ShardCallError, wire::ShardKey};

/// One shard of a [`MemoryNamespace`](super::MemoryNamespace): a script for its calls, and a record
/// of them.
///
/// Each `_once` step is queued and comes first, one entry per call, in the order of the queue. Then
/// [`fails`](Self::fails) or [`hangs`](Self::hangs) applies, and without either the namespace's
/// handler.
///
/// ```
/// use lunora::{Response, platform::ShardCallError, testing::MemoryNamespace};
///
/// let namespace = MemoryNamespace::new(async |_, _| Response::text("fine"));
/// namespace
///     .shard("room:1")
///     .fails_once(|key| ShardCallError::unavailable(key, "moving").retryable())
///     .answers_once(Response::text("slow down").with_status(429));
/// namespace
///     .shard("room:2")
///     .fails(|key| ShardCallError::unavailable(key, "too much to do").overloaded());
/// ```
#[derive(Clone)]
pub struct MemoryShard {
    key: String,
    state: Rc<State>,
}

#[allow(clippy::must_use_candidate, reason = "a script is written by calls")]
impl MemoryShard {
    pub(super) fn new(key: String, state: Rc<State>) -> Self {
        Self { key, state }
    }

    /// Makes the next call fail.
    pub fn fails_once(&self, error: impl FnOnce(ShardKey) -> ShardCallError + 'static) -> &Self {
        self.once(Step::Fail(Box::new(error)))
    }

    /// Answers the next call with this response, without a call of the handler.
    pub fn answers_once(&self, response: Response) -> &Self {
        self.once(Step::Answer(Box::new(response)))
    }

    /// Leaves the next call without an answer.
    pub fn hangs_once(&self) -> &Self {
        self.once(Step::Hang)
    }

    /// Makes every call fail, until the shard [recovers](Self::recovers).
    pub fn fails(&self, error: impl Fn(ShardKey) -> ShardCallError + 'static) -> &Self {
        self.edit(|script| script.standing = Standing::Fail(Rc::new(error)))
    }

    /// Leaves every call without an answer, until the shard [recovers](Self::recovers).
    pub fn hangs(&self) -> &Self {
        self.edit(|script| script.standing = Standing::Hang)
    }

    /// Delays every call by `duration` on `clock` before anything else happens to it.
    pub fn takes(&self, duration: Duration, clock: &ManualClock) -> &Self {
        self.edit(|script| script.delay = Some((clock.clone(), duration)))
    }

    /// Clears the whole script; calls in flight stay as they are.
    pub fn recovers(&self) -> &Self {
        self.edit(|script| *script = Script::default())
    }

    /// Returns the calls of this shard, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<RecordedCall> {
        let calls = self.state.calls.borrow();
        calls.iter().filter(|call| call.address.key.as_str() == self.key).cloned().collect()
    }

    /// Returns the number of abandoned calls of this shard.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        let abandoned = self.state.abandoned.borrow();
        abandoned.iter().filter(|key| **key == self.key).count()
    }

    fn once(&self, step: Step) -> &Self {
        self.edit(|script| script.once.push_back(step))
    }

    fn edit(&self, change: impl FnOnce(&mut Script)) -> &Self {
        change(self.state.scripts.borrow_mut().entry(self.key.clone()).or_default());
        self
    }
}

impl fmt::Debug for MemoryShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryShard").field(&self.key).finish()
    }
}

pub(super) type Delay = Option<(ManualClock, Duration)>;

/// The outcome of one call.
pub(super) enum Step {
    Handle,
    Answer(Box<Response>),
    Fail(Box<dyn FnOnce(ShardKey) -> ShardCallError>),
    Hang,
}

#[derive(Default)]
pub(super) struct Script {
    once: VecDeque<Step>,
    standing: Standing,
    delay: Delay,
}

#[derive(Default)]
enum Standing {
    #[default]
    Handle,
    Fail(Rc<dyn Fn(ShardKey) -> ShardCallError>),
    Hang,
}

impl Script {
    pub(super) fn next(&mut self) -> (Delay, Step) {
        let step = self.once.pop_front().unwrap_or_else(|| match &self.standing {
            Standing::Handle => Step::Handle,
            Standing::Hang => Step::Hang,
            Standing::Fail(error) => {
                let error = error.clone();
                Step::Fail(Box::new(move |key| error(key)))
            }
        });
        (self.delay.clone(), step)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::{executor::block_on, future};

    use super::*;
    use crate::{
        errors::LunoraError,
        message::Request,
        platform::{Clock, ShardAddress, ShardNamespace},
        testing::MemoryNamespace,
    };

    fn namespace() -> MemoryNamespace {
        MemoryNamespace::new(async |_, _| Response::text("handled"))
    }

    async fn call(namespace: &MemoryNamespace, key: &str) -> Result<String, ShardCallError> {
        let address = ShardAddress::new(key.parse().unwrap());
        let answer = namespace.fetch(&address, Request::get("https://shard.internal/"));
        let (_, body) = answer.await?.into_parts();
        Ok(String::from_utf8(body.into_bytes(100).await.unwrap().to_vec()).unwrap())
    }

    fn moving(key: ShardKey) -> ShardCallError {
        ShardCallError::unavailable(key, "moving").retryable()
    }

    #[test]
    fn one_time_steps_come_first_and_in_order() {
        let namespace = namespace();
        let shard = namespace.shard("a");
        shard.answers_once(Response::text("first")).fails_once(moving);
        assert_eq!(block_on(call(&namespace, "a")).unwrap(), "first");
        assert!(block_on(call(&namespace, "a")).is_err());
        assert_eq!(block_on(call(&namespace, "a")).unwrap(), "handled");
        assert_eq!(shard.calls().len(), 3);
    }

    #[test]
    fn a_shard_fails_until_it_recovers_and_no_other_shard_does() {
        let namespace = namespace();
        namespace.shard("a").fails(moving);
        for _ in 0..2 {
            let error = block_on(call(&namespace, "a")).unwrap_err();
            assert!(matches!(
                error,
                ShardCallError::Unavailable { retryable: true, overloaded: false, .. }
            ));
        }
        assert!(block_on(call(&namespace, "b")).is_ok());
        namespace.shard("a").recovers();
        assert!(block_on(call(&namespace, "a")).is_ok());
    }

    #[test]
    fn a_call_that_is_dropped_without_an_answer_was_given_up() {
        let namespace = namespace();
        let clock = ManualClock::new(0);
        namespace.shard("a").hangs();
        let race =
            future::select(Box::pin(call(&namespace, "a")), clock.sleep(Duration::from_secs(5)));
        assert!(matches!(block_on(clock.run(race)), future::Either::Right(_)));
        block_on(call(&namespace, "b")).unwrap();
        assert_eq!(namespace.abandoned(), 1);
        assert_eq!(namespace.shard("a").abandoned(), 1);
        assert_eq!(namespace.shard("b").abandoned(), 0);
    }

    #[test]
    fn calls_take_their_time_side_by_side() {
        let namespace = namespace();
        let clock = ManualClock::new(0);
        for (key, seconds) in [("a", 3), ("b", 2)] {
            let duration = Duration::from_secs(seconds);
            namespace.shard(key).takes(duration, &clock);
        }
        let both = future::join(call(&namespace, "a"), call(&namespace, "b"));
        let (a, b) = block_on(clock.run(both));
        assert!(a.is_ok() && b.is_ok());
        assert_eq!((clock.now_ms(), namespace.max_in_flight()), (3000, 2));
    }

    #[test]
    fn a_call_begins_before_its_first_poll() {
        let namespace = namespace();
        let address = ShardAddress::new(ShardKey::default());
        let call = namespace.fetch(&address, Request::get("/"));
        assert_eq!((namespace.calls().len(), namespace.abandoned()), (1, 0));
        drop(call);
        assert_eq!((namespace.calls().len(), namespace.abandoned()), (1, 1));
    }

    #[test]
    fn an_error_of_the_handler_is_an_answer() {
        let namespace = MemoryNamespace::new(async |_, _| {
            Err::<Response, _>(LunoraError::bad_request("no such function"))
        });
        let body = block_on(call(&namespace, "a")).unwrap();
        assert!(body.contains("BAD_REQUEST"), "{body}");
    }

    #[test]
    fn records_what_the_shard_got() {
        let namespace = namespace();
        let address = ShardAddress::new("a".parse().unwrap());
        let request = Request::post("https://shard.internal/rpc?x=1", "{}").with_header("x-a", "1");
        block_on(namespace.fetch(&address, request)).unwrap();
        let call = &namespace.calls()[0];
        assert_eq!((call.method.as_str(), call.path()), ("POST", "/rpc"));
        assert_eq!((call.header("x-a"), call.text()), (Some("1"), Some("{}")));
        assert_eq!(call.address, address);
    }
}
