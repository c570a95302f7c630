//! A whole deployment in memory, of which a seed decides every step.

mod choices;
mod client;
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

use futures::{
    channel::oneshot,
    future::{LocalBoxFuture, pending},
};

use self::{
    choices::Choices,
    object::{Class, Node},
    scheduler::{Owner, Scheduler, Step},
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
    message::{Request, Response},
    pipeline::Lunora,
    platform::{
        Clock, ExecutionContext, ScheduledEvent, ShardCallError,
        memory::{ManualClock, MemoryObjectStore, simulate_clock},
    },
    shard::ShardClass,
    wire::ShardKey,
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

impl Inner {
    fn trace(&self, step: impl FnOnce() -> String) {
        if self.tracing {
            self.steps.borrow_mut().push(step());
        }
    }

    /// Waits for as long as a hop takes.
    async fn latency(&self) {
        const MS: [u64; 6] = [0, 0, 0, 1, 7, 60];
        let ms = MS[self.choices.below(6) as usize % MS.len()];
        if ms > 0 {
            self.clock.sleep(Duration::from_millis(ms)).await;
        }
    }

    fn run(self: &Rc<Self>, is_done: &dyn Fn() -> bool) {
        while !is_done() {
            let ready = self.scheduler.ready();
            if ready == 0 {
                if self.clock.until_next().is_none_or(|wait| wait > World::PATIENCE) {
                    return;
                }
                self.clock.advance_to_next();
                continue;
            }
            self.mishap();
            let ready = u32::try_from(self.scheduler.ready()).unwrap_or(u32::MAX);
            let at = if ready > 1 { self.choices.below(ready) as usize } else { 0 };
            match self.scheduler.step(at) {
                Step::Ran => {}
                Step::Panicked(Owner::Object(binding, key) | Owner::Network(binding, key), _) => {
                    self.trace(|| format!("a panic traps {binding}/{key}"));
                    if let Some(node) = self.node(&binding, &key) {
                        node.trap();
                    }
                }
                Step::Panicked(Owner::Isolate(number), _) => self.crash_isolate(number),
                Step::Panicked(Owner::Client, panic) => std::panic::resume_unwind(panic),
            }
        }
    }

    /// Lets something go wrong, if the seed says so.
    fn mishap(self: &Rc<Self>) {
        let faults = self.faults.get();
        let kinds = [
            faults.crashes,
            faults.traps,
            faults.sleeps,
            faults.isolate_crashes,
            faults.clock_jumps,
        ];
        match self.choices.event(&kinds) {
            Some(3) => self.crash_isolate(self.choices.below(2) as usize),
            Some(4) => {
                let seconds = u64::from(self.choices.below(60)) + 1;
                self.trace(|| format!("the clock jumps by {seconds} s"));
                self.clock.advance(Duration::from_secs(seconds));
            }
            Some(kind) => {
                let Some(node) = self.any_node() else { return };
                let at = || format!("{}/{}", node.binding, node.key);
                match kind {
                    0 => {
                        self.trace(|| format!("{} crashes", at()));
                        node.crash();
                    }
                    1 => {
                        self.trace(|| format!("{} traps", at()));
                        node.trap();
                    }
                    _ => {
                        if node.is_awake() && node.sleep() {
                            self.trace(|| format!("{} sleeps", at()));
                        }
                    }
                }
            }
            None => {}
        }
    }

    fn any_node(&self) -> Option<Rc<Node>> {
        let nodes = self.nodes.borrow();
        let count = u32::try_from(nodes.len()).ok().filter(|count| *count > 0)?;
        nodes.values().nth(self.choices.below(count) as usize).cloned()
    }

    fn crash_isolate(&self, number: usize) {
        self.trace(|| format!("isolate {number} crashes"));
        if let Some(app) = self.isolates.borrow_mut().get_mut(number) {
            *app = None;
        }
        self.scheduler.kill(&Owner::Isolate(number));
    }

    fn node(self: &Rc<Self>, binding: &str, key: &str) -> Option<Rc<Node>> {
        let place: Place = (binding.into(), key.into());
        if let Some(node) = self.nodes.borrow().get(&place) {
            return Some(node.clone());
        }
        let class = self.classes.borrow().get(binding.split('@').next()?)?.clone();
        let node = Rc::new(Node::new(self, &place.0, key, &class).ok()?);
        self.nodes.borrow_mut().insert(place, node.clone());
        Some(node)
    }

    fn on_shards(&self, key: &str, act: impl Fn(&Node)) {
        let nodes: Vec<Rc<Node>> = {
            let nodes = self.nodes.borrow();
            nodes.values().filter(|node| *node.key == *key).cloned().collect()
        };
        nodes.iter().for_each(|node| act(node));
    }

    fn store(self: &Rc<Self>, binding: &str) -> WorldStore {
        let mut stores = self.stores.borrow_mut();
        let new = || {
            let store = MemoryObjectStore::new().with_clock(&self.clock);
            WorldStore::new(store, Rc::downgrade(self))
        };
        stores.entry(binding.to_owned()).or_insert_with(new).clone()
    }

    fn lose(&self, shard: &str, loss: Loss) {
        self.lost.borrow_mut().entry(shard.to_owned()).or_default().push(loss);
    }

    /// Decides what is lost of a call to a shard.
    fn loss(&self, shard: &str) -> Option<Loss> {
        let mut scripted = self.lost.borrow_mut();
        if let Some(losses) = scripted.get_mut(shard).filter(|losses| !losses.is_empty()) {
            return Some(losses.remove(0));
        }
        let faults = self.faults.get();
        // A client's own patience is not ours to test.
        let hangs = if shard.is_empty() { 0 } else { faults.hangs };
        let kinds = [faults.lost_requests, faults.lost_answers, hangs, hangs];
        let losses = [Loss::Request, Loss::Answer, Loss::Silence, Loss::SilenceAfter];
        self.choices.event(&kinds).and_then(|kind| losses.get(kind).copied())
    }

    /// Sends a request to the Worker, as a client does.
    async fn request(self: &Rc<Self>, request: Request) -> Result<Response, Lost> {
        let loss = self.loss("");
        self.latency().await;
        if loss == Some(Loss::Request) {
            self.trace(|| format!("a request to {} is lost", request.path()));
            return Err(Lost);
        }
        let path = self.tracing.then(|| request.path().to_owned());
        let answer = self.in_isolate(async move |app, env, ctx| app.fetch(request, env, ctx).await);
        let answer = answer.await.ok_or(Lost)?;
        self.latency().await;
        if loss == Some(Loss::Answer) {
            self.trace(|| format!("the answer of {} is lost", path.unwrap_or_default()));
            return Err(Lost);
        }
        Ok(answer)
    }

    async fn scheduled(self: Rc<Self>, cron: String, at_ms: u64) -> Option<Result<(), String>> {
        let at = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let event = ScheduledEvent::new(cron, at);
        self.in_isolate(async move |app, env, ctx| {
            app.scheduled(event, env, ctx).await.map_err(|error| error.to_string())
        })
        .await
    }

    /// Runs an event of the Worker in one of its isolates; `None` if that dies meanwhile.
    async fn in_isolate<T: 'static>(
        self: &Rc<Self>,
        event: impl AsyncFnOnce(&Lunora<WorldEnv>, &WorldEnv, &dyn ExecutionContext) -> T + 'static,
    ) -> Option<T> {
        let number = self.choices.below(2) as usize;
        let (sender, receiver) = oneshot::channel();
        let world = self.clone();
        self.scheduler.spawn(
            Owner::Isolate(number),
            Box::pin(async move {
                let env = WorldEnv::new(&world);
                if let Some(app) = world.application(number, &env) {
                    let ctx = environment::IsolateContext::new(&world, number);
                    let _ = sender.send(event(&app, &env, &ctx).await);
                }
            }),
        );
        receiver.await.ok()
    }

    fn application(&self, isolate: usize, env: &WorldEnv) -> Option<Rc<Lunora<WorldEnv>>> {
        if let Some(Some(app)) = self.isolates.borrow().get(isolate) {
            return Some(app.clone());
        }
        let build = self.worker.borrow().clone()?;
        match build(env) {
            Ok(app) => {
                let app = Rc::new(app);
                if let Some(slot) = self.isolates.borrow_mut().get_mut(isolate) {
                    *slot = Some(app.clone());
                }
                Some(app)
            }
            Err(error) => {
                crate::log::error(&error.to_log_line());
                None
            }
        }
    }

    /// Calls an object, as an event of its own.
    fn call(
        self: &Rc<Self>,
        binding: &str,
        key: &ShardKey,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        let (world, binding, key) = (self.clone(), binding.to_owned(), key.clone());
        let unavailable =
            |key: &ShardKey, why: &str| ShardCallError::unavailable(key.clone(), why.to_owned());
        Box::pin(async move {
            let loss = world.loss(key.as_str());
            world.latency().await;
            if loss == Some(Loss::Request) {
                world.trace(|| format!("a request to {binding}/{key} is lost"));
                return Err(unavailable(&key, "the request was lost"));
            }
            if loss == Some(Loss::Silence) {
                world.trace(|| format!("a request to {binding}/{key} hangs"));
                return pending().await;
            }
            let Some(node) = world.node(&binding, key.as_str()) else {
                return Err(unavailable(&key, "there is no such class"));
            };
            let (sender, receiver) = oneshot::channel();
            let served = node.clone();
            world.scheduler.spawn(
                node.owner(),
                Box::pin(async move {
                    let _ = sender.send(served.fetch(request).await);
                }),
            );
            let answer = receiver.await;
            world.latency().await;
            if loss == Some(Loss::SilenceAfter) {
                world.trace(|| format!("the answer of {binding}/{key} never comes"));
                return pending().await;
            }
            match answer {
                Err(_) => Err(unavailable(&key, "the object was reset")),
                Ok(_) if loss == Some(Loss::Answer) => {
                    world.trace(|| format!("the answer of {binding}/{key} is lost"));
                    Err(unavailable(&key, "the answer was lost"))
                }
                Ok(answer) => Ok(answer),
            }
        })
    }

    /// Has the object handle the next thing that a client's socket sent.
    fn deliver(self: &Rc<Self>, binding: &str, key: &str, socket: &str) {
        let Some(node) = self.node(binding, key) else { return };
        let (world, socket) = (self.clone(), socket.to_owned());
        self.scheduler.spawn(
            Owner::Network(node.binding.clone(), node.key.clone()),
            Box::pin(async move {
                world.latency().await;
                let received = node.socket(&socket).and_then(|socket| socket.receive());
                match received {
                    Some(Some(text)) => node.frame(&socket, &text),
                    Some(None) => node.client_closed(&socket),
                    None => {}
                }
            }),
        );
    }

    /// Has an object learn, after a while, that a client never got the answer to its upgrade.
    fn close_unless_accepted(self: &Rc<Self>, binding: &Rc<str>, key: &Rc<str>, socket: &str) {
        const AFTER: Duration = Duration::from_secs(10);
        let Some(node) = self.node(binding, key) else { return };
        let (world, socket) = (self.clone(), socket.to_owned());
        self.scheduler.spawn(
            Owner::Client,
            Box::pin(async move {
                world.clock.sleep(AFTER).await;
                if node.socket(&socket).is_some_and(|socket| !socket.is_accepted()) {
                    node.client_closed(&socket);
                }
            }),
        );
    }

    /// Has an object send what is due, as an event of its own.
    fn flush_later(self: &Rc<Self>, binding: &Rc<str>, key: &Rc<str>) {
        let Some(node) = self.node(binding, key) else { return };
        self.scheduler.spawn(node.owner(), Box::pin(async move { node.flush() }));
    }

    /// Lets go of everything, which holds itself in circles.
    fn clear(&self) {
        self.scheduler.clear();
        self.isolates.borrow_mut().iter_mut().for_each(|app| *app = None);
        *self.worker.borrow_mut() = None;
        let nodes = self.nodes.take();
        drop(nodes);
        self.scheduler.clear();
        simulate_clock(None);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now_ms", &self.now_ms()).finish_non_exhaustive()
    }
}
