//! A whole deployment in memory, of which a seed decides every step.

mod choices;
mod client;
mod deployment;
mod environment;
mod faults;
mod object;
mod run;
mod scheduler;
mod socket;
mod store;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::Future,
    rc::Rc,
    time::Duration,
};

use self::{
    choices::Choices,
    object::{Class, Node},
    scheduler::{Owner, Scheduler},
};
pub use self::{
    client::{Answer, Client, Lost},
    environment::{WorldEnv, WorldNamespace},
    faults::Faults,
    run::{Failure, check_seed, simulate},
    socket::{Socket, SocketEvent},
    store::WorldStore,
};
use crate::{
    errors::LunoraError,
    pipeline::Lunora,
    platform::{
        Clock,
        memory::{ManualClock, simulate_clock},
    },
    shard::ShardClass,
};

/// A whole deployment in memory: the Worker, its objects with SQLite, the registry, the object
/// store, the clock, and clients with sockets, all in one thread.
///
/// [`simulate`] makes one per seed, and the seed decides the order of every step, every latency and
/// every fault. [`run`](Self::run) goes on until nothing is left to do. Everything can be scripted
/// as well: [`crash`](Self::crash), [`sleep`](Self::sleep), [`lose_answer`](Self::lose_answer),
/// [`hang`](Self::hang), [`advance`](Self::advance).
///
/// A clone is the same deployment.
#[derive(Clone)]
pub struct World {
    inner: Rc<Inner>,
}

/// Where an object is: its binding and its key.
type Place = (Rc<str>, Rc<str>);
type BuildWorker = dyn Fn(&WorldEnv) -> Result<Lunora<WorldEnv>, LunoraError>;

struct Inner {
    scheduler: Scheduler,
    choices: Choices,
    clock: ManualClock,
    faults: Cell<Faults>,
    vars: RefCell<BTreeMap<String, String>>,
    classes: RefCell<BTreeMap<Rc<str>, Class>>,
    nodes: RefCell<BTreeMap<Place, Rc<Node>>>,
    stores: RefCell<BTreeMap<String, WorldStore>>,
    worker: RefCell<Option<Rc<BuildWorker>>>,
    /// The Worker's isolates: each builds its own application with its first request.
    isolates: RefCell<Vec<Option<Rc<Lunora<WorldEnv>>>>>,
    lost: RefCell<BTreeMap<String, Vec<Loss>>>,
    /// How often the randomness of the host was asked for.
    seeds: Cell<u64>,
    tracing: bool,
    steps: RefCell<Vec<String>>,
}

/// A scripted fault of the next call of a shard.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Loss {
    Request,
    Answer,
    /// No answer ever comes, and the request has no effect.
    Silence,
    /// No answer ever comes, although the request has its effect.
    SilenceAfter,
}

/// The value that a task ends with, once it has; see [`World::spawn`].
#[derive(Debug)]
pub struct Spawned<T> {
    value: Rc<RefCell<Option<T>>>,
}

impl<T> Spawned<T> {
    /// Takes the value; `None` as long as the task is not over, and afterwards.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.value.borrow_mut().take()
    }
}

#[allow(clippy::must_use_candidate, reason = "a deployment is described by calls")]
impl World {
    /// The time at which every deployment starts, in milliseconds since 1970.
    pub const START_MS: u64 = 1_700_000_000_000;
    const ISOLATES: usize = 2;
    /// The longest wait that [`run`](Self::run) lets pass: every timeout of a request is shorter, and
    /// an alarm for tomorrow is not.
    const PATIENCE: Duration = Duration::from_secs(120);

    fn new(choices: Choices, tracing: bool) -> Self {
        let clock = ManualClock::new(Self::START_MS);
        simulate_clock(Some(clock.clone()));
        let inner = Inner {
            scheduler: Scheduler::default(),
            choices,
            clock,
            faults: Cell::default(),
            vars: RefCell::default(),
            classes: RefCell::default(),
            nodes: RefCell::default(),
            stores: RefCell::default(),
            worker: RefCell::default(),
            isolates: RefCell::new((0..Self::ISOLATES).map(|_| None).collect()),
            lost: RefCell::default(),
            tracing,
            steps: RefCell::default(),
            seeds: Cell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Puts shards of a class that [`shard!`](crate::shard!) wrote behind a binding.
    pub fn shards<S: ShardClass + 'static>(&self, binding: &str) -> &Self {
        self.class(binding, Class::Shard(Rc::new(S::definition)))
    }

    /// Puts the registry of shards behind a binding.
    pub fn registry(&self, binding: &str) -> &Self {
        self.class(binding, Class::Registry)
    }

    /// Sets a variable or a secret of the Worker and of every object.
    pub fn var(&self, name: &str, value: &str) -> &Self {
        self.inner.vars.borrow_mut().insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the function that builds the Worker; each isolate calls it with its first request.
    pub fn worker(
        &self,
        build: impl Fn(&WorldEnv) -> Result<Lunora<WorldEnv>, LunoraError> + 'static,
    ) -> &Self {
        *self.inner.worker.borrow_mut() = Some(Rc::new(build));
        self
    }

    /// Sets what goes wrong from now on; nothing by default.
    pub fn faults(&self, faults: Faults) -> &Self {
        self.inner.faults.set(faults);
        self
    }

    /// Returns the object store behind a binding; it exists from the first call on.
    pub fn store(&self, binding: &str) -> WorldStore {
        self.inner.store(binding)
    }

    /// Returns a client without headers.
    pub fn client(&self) -> Client {
        Client::new(self.clone())
    }

    /// Returns a number below `alternatives` that the seed decides.
    #[must_use]
    pub fn choose(&self, alternatives: u32) -> u32 {
        self.inner.choices.below(alternatives)
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.inner.clock.now_ms()
    }

    /// Notes a step of the test, which the report of a failing seed lists.
    pub fn note(&self, step: impl FnOnce() -> String) {
        self.inner.trace(step);
    }

    /// Starts a task that runs beside all others. It goes on when the deployment
    /// [runs](Self::run).
    pub fn spawn<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Spawned<T> {
        let value = Rc::new(RefCell::new(None));
        let kept = value.clone();
        self.inner.scheduler.spawn(
            Owner::Client,
            Box::pin(async move {
                let output = task.await;
                *kept.borrow_mut() = Some(output);
            }),
        );
        Spawned { value }
    }

    /// Runs a task to its end, and everything else beside it. Returns `None` if it waits for
    /// something that never comes.
    pub fn wait<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Option<T> {
        let spawned = self.spawn(task);
        self.inner.run(&|| spawned.value.borrow().is_some());
        spawned.take()
    }

    /// Runs until nothing is left to do but wait for something that never comes, or not within two
    /// minutes, such as an alarm for tomorrow. The clock moves on whenever nothing else can; call
    /// [`advance`](Self::advance) for more.
    pub fn run(&self) {
        self.inner.run(&|| false);
    }

    /// Kills the process of a shard: its memory and its sockets are gone, SQLite stays.
    pub fn crash(&self, shard: &str) {
        self.inner.on_shards(shard, Node::crash);
    }

    /// Traps the wasm instance of a shard: its memory is gone, its sockets stay.
    pub fn trap(&self, shard: &str) {
        self.inner.on_shards(shard, Node::trap);
    }

    /// Evicts a shard if it is idle: its memory is gone, its sockets hibernate. Returns whether it
    /// was idle; an open request, or a timer that an action waits for, keeps a shard in memory.
    ///
    /// So one line tests that a shard hibernates, which is what makes idle sockets free:
    ///
    /// ```text
    /// world.run();
    /// assert!(world.sleep("general"));
    /// ```
    pub fn sleep(&self, shard: &str) -> bool {
        let slept = Cell::new(true);
        self.inner.on_shards(shard, |node| slept.set(slept.get() && node.sleep()));
        slept.get()
    }

    /// Loses the next request to a shard before it has an effect.
    pub fn lose_request(&self, shard: &str) {
        self.inner.lose(shard, Loss::Request);
    }

    /// Loses the answer of the next request to a shard, after it had its effect.
    pub fn lose_answer(&self, shard: &str) {
        self.inner.lose(shard, Loss::Answer);
    }

    /// Has the next request to a shard hang for ever, without an effect. Who waits for it has to
    /// give it up.
    pub fn hang(&self, shard: &str) {
        self.inner.lose(shard, Loss::Silence);
    }

    /// Moves the clock.
    pub fn advance(&self, duration: Duration) {
        self.inner.clock.advance(duration);
    }

    /// Fires a cron trigger on an isolate; twice, where the faults say so. The outcome is that of
    /// the Worker's `scheduled`, or `None` if the isolate died.
    pub fn trigger(&self, cron: &str) -> Spawned<Option<Result<(), String>>> {
        let world = self.inner.clone();
        let (cron, at) = (cron.to_owned(), self.now_ms());
        if world.choices.once_in(world.faults.get().double_triggers) {
            world.trace(|| format!("the trigger `{cron}` is delivered twice"));
            drop(self.spawn(world.clone().scheduled(cron.clone(), at)));
        }
        self.spawn(world.scheduled(cron, at))
    }

    /// Returns how many statements a shard has run.
    #[must_use]
    pub fn statements(&self, shard: &str) -> u64 {
        let nodes = self.inner.nodes.borrow();
        nodes.values().filter(|node| *node.key == *shard).filter_map(|node| node.statements()).sum()
    }

    /// Returns the keys of the shards that exist, whether or not they are in memory.
    #[must_use]
    pub fn shard_keys(&self) -> Vec<String> {
        let nodes = self.inner.nodes.borrow();
        let shards = nodes.values().filter(|node| node.statements().is_some());
        shards.map(|node| node.key.to_string()).collect()
    }

    /// Returns the entries of every registry.
    #[must_use]
    pub fn registry_entries(&self) -> Vec<String> {
        self.inner.nodes.borrow().values().flat_map(|node| node.entries()).collect()
    }

    /// Returns what a shard holds in memory for its sockets: their number, that of their
    /// subscriptions with an answer, and that of the answers. `None` if it is not in memory.
    #[must_use]
    pub fn held(&self, shard: &str) -> Option<[usize; 3]> {
        let nodes = self.inner.nodes.borrow();
        nodes.values().filter(|node| *node.key == *shard).find_map(|node| node.held())
    }

    fn class(&self, binding: &str, class: Class) -> &Self {
        self.inner.classes.borrow_mut().insert(binding.into(), class);
        self
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now_ms", &self.now_ms()).finish_non_exhaustive()
    }
}
