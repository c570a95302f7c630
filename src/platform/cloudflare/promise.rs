//! Promises that Rust awaits, and futures that JavaScript awaits.
//!
//! The crate `wasm-bindgen-futures` makes two closures for each promise, and lets every future that
//! is woken wait for a microtask of its own; in workerd each of those is a call into the runtime.
//! Here a promise resumes the future that waits for it at once, through closures that are made once
//! per instance. `tasks.js` has the other half.
//!
//! A task whose client left is dropped, with all that it waits for: at once if the runtime signals
//! it (`Request.signal`), and otherwise once the promise that it waited for was collected, since
//! the runtime drops an invocation without settling anything.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures::future::{Either, LocalBoxFuture};
use wasm_bindgen::prelude::*;
use worker::{js_sys::Promise, web_sys};

use super::glue;

/// The outcome for JavaScript: a value, or a reason to reject.
pub(super) type Answer = Result<JsValue, JsValue>;

/// The value of a fulfilled promise, in the form in which it crossed.
#[derive(Debug)]
pub(super) enum Value {
    Js(JsValue),
    Bytes(Vec<u8>),
    /// A packed head, and the message that it belongs to.
    Head(String, JsValue),
    /// A packed head, an empty line, and the body.
    Text(String),
    /// The heads of several answers, and their bodies.
    Answers(String, Vec<u8>),
}

impl Value {
    /// Returns the value itself; `undefined` for one that crossed in pieces.
    pub(super) fn into_js(self) -> JsValue {
        match self {
            Self::Js(value) | Self::Head(_, value) => value,
            Self::Bytes(_) | Self::Text(_) | Self::Answers(..) => JsValue::UNDEFINED,
        }
    }
}

/// A promise that is awaited. Dropped before it is settled, it aborts the operation if possible.
#[derive(Debug)]
pub(super) struct Awaited {
    slot: usize,
}

impl Awaited {
    /// Awaits what `begin` starts; it hands the number to JavaScript, which settles it.
    pub(super) fn start(begin: impl FnOnce(u32)) -> Self {
        bind();
        let slot = WAITING.with_borrow_mut(|waiting| {
            waiting.insert(Slot::Waiting { owner: POLLED.get(), waker: None })
        });
        begin(number(slot));
        Self { slot }
    }

    /// Awaits any promise.
    pub(super) fn promise(promise: &Promise) -> Self {
        Self::start(|slot| glue::watch(promise, slot))
    }
}

impl Future for Awaited {
    type Output = Result<Value, JsValue>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        WAITING.with_borrow_mut(|waiting| match waiting.get_mut(self.slot) {
            Some(Slot::Waiting { waker, .. }) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Slot::Settled(outcome)) => match outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                // Polled after it was ready, which is a misuse.
                None => Poll::Pending,
            },
            Some(Slot::Abandoned) | None => Poll::Pending,
        })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let slot = WAITING.with_borrow_mut(|waiting| match waiting.get_mut(self.slot) {
            // JavaScript still knows the number: it must not be reused yet.
            Some(slot @ Slot::Waiting { .. }) => Some(std::mem::replace(slot, Slot::Abandoned)),
            _ => waiting.remove(self.slot),
        });
        // Dropping it may drop anything else; the slots are no longer borrowed.
        if matches!(slot, Some(Slot::Waiting { .. })) && glue::abandon(number(self.slot)) {
            WAITING.with_borrow_mut(|waiting| waiting.remove(self.slot));
        }
    }
}

/// Runs a future that answers a request, or the one that `front.js` answers by a plan. The result is
/// its answer, or a promise of it.
pub(crate) fn run(
    request: Option<&web_sys::Request>,
    future: impl Future<Output = Answer> + 'static,
) -> Answer {
    match start(future) {
        Either::Left(answer) => answer,
        Either::Right(task) => Ok(glue::promise(task, request)),
    }
}

/// Returns the answer, or the number of the task, which JavaScript settles a promise by.
pub(super) fn start(future: impl Future<Output = Answer> + 'static) -> Either<Answer, u32> {
    bind();
    drop_lost();
    let serial = SERIAL.replace(SERIAL.get().wrapping_add(1));
    let place = TASKS.with_borrow_mut(|tasks| tasks.insert(Task { serial, ..Task::default() }));
    let waker = Waker::from(Arc::new(TaskWaker(place)));
    let mut future: LocalBoxFuture<'static, Answer> = Box::pin(future);
    let outer = POLLED.replace(Some(TaskId { place, serial }));
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    POLLED.set(outer);
    match polled {
        Poll::Ready(answer) => {
            TASKS.with_borrow_mut(|tasks| tasks.remove(place));
            Either::Left(answer)
        }
        Poll::Pending => {
            TASKS.with_borrow_mut(|tasks| {
                if let Some(task) = tasks.get_mut(place) {
                    task.running = Some((future, waker));
                }
            });
            Either::Right(number(place))
        }
    }
}

#[derive(Debug)]
enum Slot {
    Waiting {
        /// The task that began to wait.
        owner: Option<TaskId>,
        waker: Option<Waker>,
    },
    /// Until it is polled.
    Settled(Option<Result<Value, JsValue>>),
    Abandoned,
}

/// A task, distinct from a later one in the same place.
#[derive(Clone, Copy, Debug)]
struct TaskId {
    place: usize,
    serial: u32,
}

/// A future that JavaScript waits for.
#[derive(Default)]
struct Task {
    serial: u32,
    /// `None` during a poll.
    running: Option<(LocalBoxFuture<'static, Answer>, Waker)>,
    queued: bool,
}

struct TaskWaker(usize);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let queue = TASKS.with_borrow_mut(|tasks| match tasks.get_mut(self.0) {
            Some(task) => !std::mem::replace(&mut task.queued, true),
            None => false,
        });
        if queue {
            READY.with_borrow_mut(|ready| ready.push_back(self.0));
            // A wake from outside, such as by a promise of another library, does not drain.
            if !DRAINING.get() && !SCHEDULED.replace(true) {
                glue::schedule();
            }
        }
    }
}

thread_local! {
    static WAITING: RefCell<Slots<Slot>> = const { RefCell::new(Slots::new()) };
    static TASKS: RefCell<Slots<Task>> = const { RefCell::new(Slots::new()) };
    static READY: RefCell<VecDeque<usize>> = const { RefCell::new(VecDeque::new()) };
    /// `true` while a caller up the stack polls the ready tasks.
    static DRAINING: Cell<bool> = const { Cell::new(false) };
    /// `true` if JavaScript will call to drain.
    static SCHEDULED: Cell<bool> = const { Cell::new(false) };
    static BOUND: Cell<bool> = const { Cell::new(false) };
    /// The task that is polled.
    static POLLED: Cell<Option<TaskId>> = const { Cell::new(None) };
    static SERIAL: Cell<u32> = const { Cell::new(0) };
    /// Tasks whose invocations the runtime dropped.
    static LOST: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
}

/// Registers with `tasks.js`, once, how to resume the tasks of this instance.
fn bind() {
    if BOUND.replace(true) {
        return;
    }
    let value = Closure::<dyn Fn(u32, bool, JsValue)>::new(|slot, fulfilled, value| {
        settle(slot, if fulfilled { Ok(Value::Js(value)) } else { Err(value) });
    });
    let bytes =
        Closure::<dyn Fn(u32, Vec<u8>)>::new(|slot, bytes| settle(slot, Ok(Value::Bytes(bytes))));
    let head = Closure::<dyn Fn(u32, String, JsValue)>::new(|slot, head, of| {
        settle(slot, Ok(Value::Head(head, of)));
    });
    let text =
        Closure::<dyn Fn(u32, String)>::new(|slot, text| settle(slot, Ok(Value::Text(text))));
    let answers = Closure::<dyn Fn(u32, String, Vec<u8>)>::new(|slot, heads, bodies| {
        settle(slot, Ok(Value::Answers(heads, bodies)));
    });
    let drain_all = Closure::<dyn Fn()>::new(|| {
        SCHEDULED.set(false);
        drain();
    });
    let lost = Closure::<dyn Fn(u32)>::new(lose);
    let aborted = Closure::<dyn Fn(u32) -> bool>::new(|task| drop_task(task as usize));
    glue::bind(
        &value.into_js_value(),
        &bytes.into_js_value(),
        &head.into_js_value(),
        &text.into_js_value(),
        &answers.into_js_value(),
        &drain_all.into_js_value(),
        &lost.into_js_value(),
        &aborted.into_js_value(),
    );
}

/// Drops a slot that the runtime will not settle: the invocation that waited for it is gone.
///
/// Called between events, when a dropped future could not use its bindings: it stays until the next
/// request.
fn lose(slot: u32) {
    let slot = slot as usize;
    WAITING.with_borrow_mut(|waiting| match waiting.get_mut(slot) {
        Some(Slot::Waiting { owner, .. }) => {
            if let Some(task) = *owner {
                LOST.with_borrow_mut(|lost| lost.push(task));
            }
        }
        Some(Slot::Abandoned) => {
            waiting.remove(slot);
        }
        Some(Slot::Settled(_)) | None => {}
    });
}

/// Drops the tasks that were lost since the last request.
fn drop_lost() {
    for TaskId { place, serial } in LOST.take() {
        let is_same = TASKS.with_borrow_mut(|tasks| {
            tasks.get_mut(place).is_some_and(|task| task.serial == serial)
        });
        if is_same && drop_task(place) {
            glue::forget(number(place));
        }
    }
}

/// Drops a task and the promises that it waits for. Returns whether an idle task existed.
fn drop_task(place: usize) -> bool {
    let task = TASKS.with_borrow_mut(|tasks| {
        tasks.get_mut(place)?.running.as_ref()?;
        tasks.remove(place)
    });
    // The drop may run any code; the tasks are no longer borrowed.
    task.is_some()
}

/// Settles a promise, and wakes the task that waits for it.
fn settle(slot: u32, outcome: Result<Value, JsValue>) {
    let slot = slot as usize;
    let waker = WAITING.with_borrow_mut(|waiting| match waiting.get_mut(slot) {
        Some(Slot::Waiting { waker, .. }) => {
            let waker = waker.take();
            if let Some(slot) = waiting.get_mut(slot) {
                *slot = Slot::Settled(Some(outcome));
            }
            waker
        }
        Some(Slot::Abandoned) => {
            waiting.remove(slot);
            None
        }
        Some(Slot::Settled(_)) | None => None,
    });
    let Some(waker) = waker else { return };
    if DRAINING.replace(true) {
        waker.wake();
    } else {
        waker.wake();
        DRAINING.set(false);
        drain();
    }
}

/// Polls ready tasks until none is ready.
fn drain() {
    if DRAINING.replace(true) {
        return;
    }
    while let Some(id) = READY.with_borrow_mut(VecDeque::pop_front) {
        poll(id);
    }
    DRAINING.set(false);
}

fn poll(id: usize) {
    let running = TASKS.with_borrow_mut(|tasks| {
        let task = tasks.get_mut(id)?;
        task.queued = false;
        Some((task.running.take()?, task.serial))
    });
    // The task has ended.
    let Some(((mut future, waker), serial)) = running else { return };
    let outer = POLLED.replace(Some(TaskId { place: id, serial }));
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    POLLED.set(outer);
    match polled {
        Poll::Pending => TASKS.with_borrow_mut(|tasks| {
            if let Some(task) = tasks.get_mut(id) {
                task.running = Some((future, waker));
            }
        }),
        Poll::Ready(answer) => {
            drop(future);
            TASKS.with_borrow_mut(|tasks| tasks.remove(id));
            match answer {
                Ok(value) => glue::settle(number(id), true, &value),
                Err(error) => glue::settle(number(id), false, &error),
            }
        }
    }
}

/// Returns the number by which JavaScript knows a place.
fn number(place: usize) -> u32 {
    // The memory of wasm does not suffice for more.
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Values by number; numbers are used again.
struct Slots<T> {
    values: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slots<T> {
    const fn new() -> Self {
        Self { values: Vec::new(), free: Vec::new() }
    }

    fn insert(&mut self, value: T) -> usize {
        match self.free.pop() {
            Some(place) => {
                if let Some(slot) = self.values.get_mut(place) {
                    *slot = Some(value);
                }
                place
            }
            None => {
                self.values.push(Some(value));
                self.values.len() - 1
            }
        }
    }

    fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.values.get_mut(place)?.as_mut()
    }

    fn remove(&mut self, place: usize) -> Option<T> {
        let value = self.values.get_mut(place)?.take();
        if value.is_some() {
            self.free.push(place);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_only_after_it_was_given_back() {
        let mut slots = Slots::new();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_ne!(a, b);
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.remove(a), None);
        assert_eq!(slots.insert('c'), a);
        assert_ne!(slots.insert('d'), a);
        assert_eq!(slots.get_mut(b).copied(), Some('b'));
    }
}
