//! A Durable Object of a simulated deployment: its database and its sockets outlive its memory.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::{Rc, Weak},
    time::Duration,
};

use futures::future::{FutureExt, LocalBoxFuture, ready};

use super::{Inner, scheduler::Owner, socket::ServerSocket};
use crate::{
    coordinator::ShardRegistryObject,
    errors::LunoraError,
    message::{Request, Response, to_error_response},
    platform::{Clock, RegistryStorage, memory::SqliteHost},
    shard::{
        Shard, ShardDefinition,
        live::{Crash, LiveObject, Running, SocketHost, admit},
    },
};

/// The time after which the platform runs an alarm again that was cut off.
const ALARM_AGAIN_MS: u64 = 2_000;

/// The class of the objects behind a binding.
#[derive(Clone)]
pub(super) enum Class {
    /// Shards of this definition.
    Shard(Rc<dyn Fn() -> ShardDefinition>),
    /// The registry of shards.
    Registry,
}

/// One object, whether or not it is in memory.
pub(super) struct Node {
    pub(super) binding: Rc<str>,
    pub(super) key: Rc<str>,
    world: Weak<Inner>,
    kind: Kind,
}

enum Kind {
    Shard(Box<ShardNode>),
    Registry(ShardRegistryObject<Entries>, Entries),
}

struct ShardNode {
    class: Rc<dyn Fn() -> ShardDefinition>,
    host: Rc<SqliteHost>,
    sockets: Rc<Host>,
    instance: RefCell<Option<Rc<LiveObject<Host>>>>,
}

impl Node {
    pub(super) fn new(
        world: &Rc<Inner>,
        binding: &Rc<str>,
        key: &str,
        class: &Class,
    ) -> Result<Self, LunoraError> {
        let kind = match class {
            Class::Registry => {
                let entries = Entries::default();
                Kind::Registry(ShardRegistryObject::new(entries.clone()), entries)
            }
            Class::Shard(class) => {
                let host = SqliteHost::new(key, world.clock.clone())
                    .map_err(|error| LunoraError::internal(error.to_string()))?;
                for (name, value) in &*world.vars.borrow() {
                    host.set_var(name, value);
                }
                for other in world.classes.borrow().keys() {
                    let namespace = super::WorldNamespace::new(world, other);
                    host.set_namespace(other, namespace);
                }
                let sockets = Rc::new(Host {
                    world: Rc::downgrade(world),
                    binding: binding.clone(),
                    key: key.into(),
                    open: RefCell::default(),
                    running: RefCell::default(),
                    crashes: RefCell::default(),
                    replaced: Cell::default(),
                    opened: Cell::default(),
                    alarm: Cell::default(),
                    alarm_runs: Cell::default(),
                });
                let instance = RefCell::default();
                Kind::Shard(Box::new(ShardNode { class: class.clone(), host, sockets, instance }))
            }
        };
        let world = Rc::downgrade(world);
        Ok(Self { binding: binding.clone(), key: key.into(), world, kind })
    }

    pub(super) fn owner(&self) -> Owner {
        Owner::Object(self.binding.clone(), self.key.clone())
    }

    /// Answers a request, as one event of the object.
    pub(super) async fn fetch(&self, request: Request) -> Response {
        match &self.kind {
            Kind::Registry(registry, _) => registry.fetch(request).await,
            Kind::Shard(shard) => {
                let object = shard.living();
                if request.is_upgrade() {
                    return self
                        .accept(shard, &object, &request)
                        .unwrap_or_else(|error| to_error_response(&error));
                }
                object.shard().fetch(request).await
            }
        }
    }

    fn accept(
        &self,
        shard: &ShardNode,
        object: &LiveObject<Host>,
        request: &Request,
    ) -> Result<Response, LunoraError> {
        let admin = admit(request, &*shard.host)?;
        object.check_room()?;
        let world = self.world.upgrade().ok_or_else(|| LunoraError::internal("no world"))?;
        let number = shard.sockets.opened.get() + 1;
        shard.sockets.opened.set(number);
        let id = format!("socket-{number}");
        let socket = ServerSocket::new(&world);
        shard.sockets.open.borrow_mut().insert(id.clone(), socket.clone());
        object.open(&id, socket.clone(), request, admin);
        world.close_unless_accepted(&self.binding, &self.key, &id);
        let mut response = Response::empty().with_status(101);
        response.extensions_mut().insert(super::socket::Upgraded {
            binding: self.binding.to_string(),
            key: self.key.to_string(),
            id,
        });
        Ok(response)
    }

    /// Takes a frame of a client.
    pub(super) fn frame(&self, socket: &str, text: &str) {
        if let Kind::Shard(shard) = &self.kind
            && shard.sockets.open.borrow().contains_key(socket)
        {
            let object = shard.living();
            object.message(socket, text);
            self.run_hooks(&object);
        }
    }

    /// Takes the close of a client.
    pub(super) fn client_closed(&self, socket: &str) {
        if let Kind::Shard(shard) = &self.kind {
            let closed = shard.sockets.open.borrow_mut().remove(socket);
            if let Some(closed) = closed {
                closed.break_off();
            }
            let instance = shard.instance.borrow().clone();
            if let Some(object) = instance {
                object.closed(socket);
                self.run_hooks(&object);
            }
        }
    }

    /// Runs the functions of connections that began or ended, as the host does after an event.
    fn run_hooks(&self, object: &Rc<LiveObject<Host>>) {
        if let Some(world) = self.world.upgrade()
            && object.has_events()
        {
            let object = object.clone();
            let run = async move { object.run_hooks().await };
            world
                .scheduler
                .spawn(Owner::Object(self.binding.clone(), self.key.clone()), Box::pin(run));
        }
    }

    pub(super) fn socket(&self, id: &str) -> Option<ServerSocket> {
        match &self.kind {
            Kind::Shard(shard) => shard.sockets.open.borrow().get(id).cloned(),
            Kind::Registry(..) => None,
        }
    }

    /// Sends what is due, as the host does after the event that wrote.
    pub(super) fn flush(&self) {
        if let Kind::Shard(shard) = &self.kind {
            let object = shard.living();
            object.flush();
            self.run_hooks(&object);
        }
    }

    /// Runs the alarm, unless it was set to another time.
    fn alarm(&self, at_ms: u64) {
        if let Kind::Shard(shard) = &self.kind
            && shard.sockets.alarm.get() == Some(at_ms)
        {
            shard.sockets.alarm.set(None);
            if let Some(world) = self.world.upgrade() {
                let (object, host) = (shard.living(), shard.sockets.clone());
                host.alarm_runs.set(true);
                let alarm = async move {
                    object.alarm().await;
                    host.alarm_runs.set(false);
                };
                world.scheduler.spawn(self.owner(), Box::pin(alarm));
            }
        }
    }

    /// The process dies: memory and sockets are gone.
    pub(super) fn crash(&self) {
        let Kind::Shard(shard) = &self.kind else { return };
        self.forget_memory(shard);
        shard.sockets.replaced.set(false);
        shard.sockets.crashes.borrow_mut().clear();
        let sockets = shard.sockets.open.take();
        for socket in sockets.values() {
            socket.break_off();
        }
    }

    /// The wasm instance dies: memory is gone, sockets stay, and the shim flushes the next instance.
    pub(super) fn trap(&self) {
        let Kind::Shard(shard) = &self.kind else { return };
        let was_running = shard.sockets.running.take();
        self.forget_memory(shard);
        shard.sockets.replaced.set(true);
        if let Some(crash) = was_running {
            shard.sockets.crashes.borrow_mut().push(crash);
        }
        if !shard.sockets.open.borrow().is_empty()
            && let Some(world) = self.world.upgrade()
        {
            world.flush_later(&self.binding, &self.key);
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        matches!(&self.kind, Kind::Shard(shard) if shard.instance.borrow().is_some())
    }

    /// The object is evicted: memory is gone, sockets hibernate. Only an idle object is.
    pub(super) fn sleep(&self) -> bool {
        let Kind::Shard(shard) = &self.kind else { return true };
        let Some(world) = self.world.upgrade() else { return false };
        if world.scheduler.alive(&self.owner()) > 0 {
            return false;
        }
        let slept = shard.instance.take();
        drop(slept);
        shard.sockets.replaced.set(false);
        true
    }

    fn forget_memory(&self, shard: &ShardNode) {
        let dead = shard.instance.take();
        if let Some(world) = self.world.upgrade() {
            world.scheduler.kill(&self.owner());
            // The platform runs an alarm again that was cut off.
            if shard.sockets.alarm_runs.take() {
                shard.sockets.wake_at(world.clock.now_ms() + ALARM_AGAIN_MS);
            }
        }
        shard.sockets.running.take();
        shard.host.abandon_transaction();
        drop(dead);
    }

    /// How many statements ran; `None` for the registry.
    pub(super) fn statements(&self) -> Option<u64> {
        match &self.kind {
            Kind::Shard(shard) => Some(shard.host.statements()),
            Kind::Registry(..) => None,
        }
    }

    /// What the instance in memory holds: sockets, subscriptions with an answer, answers.
    pub(super) fn held(&self) -> Option<[usize; 3]> {
        match &self.kind {
            Kind::Shard(shard) => shard.instance.borrow().as_ref().map(|object| object.held()),
            Kind::Registry(..) => None,
        }
    }

    /// The entries of a registry.
    pub(super) fn entries(&self) -> Vec<String> {
        match &self.kind {
            Kind::Registry(_, entries) => entries.0.borrow().iter().cloned().collect(),
            Kind::Shard(_) => Vec::new(),
        }
    }
}

impl ShardNode {
    fn living(&self) -> Rc<LiveObject<Host>> {
        if let Some(object) = &*self.instance.borrow() {
            return object.clone();
        }
        let shard = Shard::new(self.host.clone(), (self.class)());
        let object = LiveObject::new(shard, self.sockets.clone());
        *self.instance.borrow_mut() = Some(object.clone());
        object
    }
}

/// The sockets of an object, which outlive its memory.
pub(super) struct Host {
    world: Weak<Inner>,
    binding: Rc<str>,
    key: Rc<str>,
    open: RefCell<BTreeMap<String, ServerSocket>>,
    running: RefCell<Option<Crash>>,
    crashes: RefCell<Vec<Crash>>,
    /// Whether the last instance trapped.
    replaced: Cell<bool>,
    opened: Cell<u64>,
    /// When the object's alarm is due. It outlives memory and crashes.
    alarm: Cell<Option<u64>>,
    /// Whether the alarm runs now.
    alarm_runs: Cell<bool>,
}

impl SocketHost for Host {
    type Socket = ServerSocket;

    fn sockets(&self) -> Vec<(String, ServerSocket, Option<String>)> {
        let open = self.open.borrow();
        open.iter().map(|(id, socket)| (id.clone(), socket.clone(), socket.kept())).collect()
    }

    fn flush_later(&self) -> bool {
        if let Some(world) = self.world.upgrade() {
            world.flush_later(&self.binding, &self.key);
        }
        true
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        if let Some(world) = self.world.upgrade() {
            world.scheduler.spawn(Owner::Object(self.binding.clone(), self.key.clone()), task);
        }
    }

    fn wake_at(&self, at_ms: u64) {
        let Some(world) = self.world.upgrade() else { return };
        self.alarm.set(Some(at_ms));
        let due = Duration::from_millis(at_ms.saturating_sub(world.clock.now_ms()));
        let (sleep, weak) = (world.clock.sleep(due), self.world.clone());
        let (binding, key) = (self.binding.clone(), self.key.clone());
        let alarm = async move {
            sleep.await;
            if let Some(node) = weak.upgrade().and_then(|world| world.node(&binding, &key)) {
                node.alarm(at_ms);
            }
        };
        world.scheduler.spawn(Owner::Client, Box::pin(alarm));
    }

    fn running(&self, query: Option<&Running<'_>>) {
        let at = self.world.upgrade().map_or(0, |world| world.clock.now_ms());
        *self.running.borrow_mut() = query.map(|query| Crash {
            socket: query.socket.to_owned(),
            subscription: query.subscription.to_owned(),
            query: query.query.to_owned(),
            at,
        });
    }

    fn crashes(&self) -> Vec<Crash> {
        self.crashes.borrow().clone()
    }

    fn is_replacement(&self) -> bool {
        self.replaced.get()
    }
}

/// The entries of the registry's object.
#[derive(Clone, Debug, Default)]
struct Entries(Rc<RefCell<BTreeSet<String>>>);

impl RegistryStorage for Entries {
    fn insert<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        ready(Ok(self.0.borrow_mut().insert(entry.to_owned()))).boxed_local()
    }

    fn remove<'a>(&'a self, entry: &'a str) -> LocalBoxFuture<'a, Result<bool, LunoraError>> {
        ready(Ok(self.0.borrow_mut().remove(entry))).boxed_local()
    }

    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, LunoraError>> {
        let entries = self.0.borrow();
        let found = entries.iter().filter(|entry| entry.starts_with(prefix)).cloned().collect();
        ready(Ok(found)).boxed_local()
    }
}
