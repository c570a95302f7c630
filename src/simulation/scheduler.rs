//! The tasks of a simulated deployment, run one step at a time in an order that the seed decides.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::future::LocalBoxFuture;

/// What a task dies with.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Owner {
    /// A client, or the test itself: it outlives every fault.
    Client,
    /// One isolate of the Worker.
    Isolate(usize),
    /// One object, by its binding and its key.
    Object(Rc<str>, Rc<str>),
    /// What is on its way to an object: it outlives the object's memory.
    Network(Rc<str>, Rc<str>),
}

#[derive(Default)]
pub(crate) struct Scheduler {
    tasks: RefCell<BTreeMap<u64, Task>>,
    next: Cell<u64>,
    ready: Arc<Ready>,
}

#[derive(Default)]
struct Ready(Mutex<VecDeque<u64>>);

struct Task {
    owner: Owner,
    future: Option<LocalBoxFuture<'static, ()>>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    id: u64,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.push(self.id);
        }
    }
}

impl Ready {
    fn push(&self, id: u64) {
        if let Ok(mut ready) = self.0.lock() {
            ready.push_back(id);
        }
    }

    fn len(&self) -> usize {
        self.0.lock().map_or(0, |ready| ready.len())
    }

    fn take(&self, at: usize) -> Option<u64> {
        self.0.lock().ok()?.remove(at)
    }
}

/// How a step ended.
pub(crate) enum Step {
    /// The task goes on, or is over.
    Ran,
    /// The task of this owner panicked.
    Panicked(Owner, Box<dyn std::any::Any + Send>),
}

impl Scheduler {
    pub(crate) fn spawn(&self, owner: Owner, future: LocalBoxFuture<'static, ()>) {
        let id = self.next.get();
        self.next.set(id + 1);
        let queued = AtomicBool::new(true);
        let waker = Arc::new(TaskWaker { id, queued, ready: self.ready.clone() });
        self.tasks.borrow_mut().insert(id, Task { owner, future: Some(future), waker });
        self.ready.push(id);
    }

    /// How many tasks can go on.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Runs the ready task at this place to its next wait.
    pub(crate) fn step(&self, at: usize) -> Step {
        let Some(id) = self.ready.take(at) else { return Step::Ran };
        let task = {
            let mut tasks = self.tasks.borrow_mut();
            tasks.get_mut(&id).and_then(|task| {
                task.waker.queued.store(false, Ordering::Relaxed);
                Some((task.future.take()?, task.waker.clone(), task.owner.clone()))
            })
        };
        let Some((mut future, waker, owner)) = task else { return Step::Ran };
        let waker = Waker::from(waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        match polled {
            Ok(Poll::Pending) => {
                if let Some(task) = self.tasks.borrow_mut().get_mut(&id) {
                    task.future = Some(future);
                }
                Step::Ran
            }
            Ok(Poll::Ready(())) => {
                drop(future);
                let over = self.tasks.borrow_mut().remove(&id);
                drop(over);
                Step::Ran
            }
            Err(panic) => {
                drop(future);
                let over = self.tasks.borrow_mut().remove(&id);
                drop(over);
                Step::Panicked(owner, panic)
            }
        }
    }

    /// Drops every task of an owner: its process died.
    pub(crate) fn kill(&self, owner: &Owner) {
        let killed: Vec<Task> = {
            let mut tasks = self.tasks.borrow_mut();
            let ids: Vec<u64> =
                tasks.iter().filter(|(_, task)| task.owner == *owner).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| tasks.remove(id)).collect()
        };
        // What they own may wake others when it is dropped.
        drop(killed);
    }

    /// How many tasks of an owner are not over.
    pub(crate) fn alive(&self, owner: &Owner) -> usize {
        self.tasks.borrow().values().filter(|task| task.owner == *owner).count()
    }

    /// Drops every task.
    pub(crate) fn clear(&self) {
        let tasks = self.tasks.take();
        drop(tasks);
    }
}
