//! The steps of a deployment: its hops, its isolates and what befalls them.

use std::{rc::Rc, time::Duration};

use futures::{
    channel::oneshot,
    future::{LocalBoxFuture, pending},
};

use super::{
    Inner, Loss, Lost, Place, World, WorldEnv, WorldStore,
    environment::IsolateContext,
    object::Node,
    scheduler::{Owner, Step},
};
use crate::{
    message::{Request, Response},
    pipeline::Lunora,
    platform::{
        Clock, ExecutionContext, ScheduledEvent, ShardCallError,
        memory::{MemoryObjectStore, simulate_clock},
    },
    wire::ShardKey,
};

impl Inner {
    pub(super) fn trace(&self, step: impl FnOnce() -> String) {
        if self.tracing {
            self.steps.borrow_mut().push(step());
        }
    }

    /// Waits for as long as a hop takes.
    pub(super) async fn latency(&self) {
        const MS: [u64; 6] = [0, 0, 0, 1, 7, 60];
        let ms = MS[self.choices.below(6) as usize % MS.len()];
        if ms > 0 {
            self.clock.sleep(Duration::from_millis(ms)).await;
        }
    }

    pub(super) fn run(self: &Rc<Self>, is_done: &dyn Fn() -> bool) {
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
    pub(super) fn mishap(self: &Rc<Self>) {
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

    pub(super) fn any_node(&self) -> Option<Rc<Node>> {
        let nodes = self.nodes.borrow();
        let count = u32::try_from(nodes.len()).ok().filter(|count| *count > 0)?;
        nodes.values().nth(self.choices.below(count) as usize).cloned()
    }

    pub(super) fn crash_isolate(&self, number: usize) {
        self.trace(|| format!("isolate {number} crashes"));
        if let Some(app) = self.isolates.borrow_mut().get_mut(number) {
            *app = None;
        }
        self.scheduler.kill(&Owner::Isolate(number));
    }

    pub(super) fn node(self: &Rc<Self>, binding: &str, key: &str) -> Option<Rc<Node>> {
        let place: Place = (binding.into(), key.into());
        if let Some(node) = self.nodes.borrow().get(&place) {
            return Some(node.clone());
        }
        let class = self.classes.borrow().get(binding.split('@').next()?)?.clone();
        let node = Rc::new(Node::new(self, &place.0, key, &class).ok()?);
        self.nodes.borrow_mut().insert(place, node.clone());
        Some(node)
    }

    pub(super) fn on_shards(&self, key: &str, act: impl Fn(&Node)) {
        let nodes: Vec<Rc<Node>> = {
            let nodes = self.nodes.borrow();
            nodes.values().filter(|node| *node.key == *key).cloned().collect()
        };
        nodes.iter().for_each(|node| act(node));
    }

    pub(super) fn store(self: &Rc<Self>, binding: &str) -> WorldStore {
        let mut stores = self.stores.borrow_mut();
        let new = || {
            let store = MemoryObjectStore::new().with_clock(&self.clock);
            WorldStore::new(store, Rc::downgrade(self))
        };
        stores.entry(binding.to_owned()).or_insert_with(new).clone()
    }

    pub(super) fn lose(&self, shard: &str, loss: Loss) {
        self.lost.borrow_mut().entry(shard.to_owned()).or_default().push(loss);
    }

    /// Decides what is lost of a call to a shard.
    pub(super) fn loss(&self, shard: &str) -> Option<Loss> {
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
    pub(super) async fn request(self: &Rc<Self>, request: Request) -> Result<Response, Lost> {
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

    pub(super) async fn scheduled(
        self: Rc<Self>,
        cron: String,
        at_ms: u64,
    ) -> Option<Result<(), String>> {
        let at = i64::try_from(at_ms).unwrap_or(i64::MAX);
        let event = ScheduledEvent::new(cron, at);
        self.in_isolate(async move |app, env, ctx| {
            app.scheduled(event, env, ctx).await.map_err(|error| error.to_string())
        })
        .await
    }

    /// Runs an event of the Worker in one of its isolates; `None` if that dies meanwhile.
    pub(super) async fn in_isolate<T: 'static>(
        self: &Rc<Self>,
        event: impl AsyncFnOnce(&Lunora<WorldEnv>, &WorldEnv, &dyn ExecutionContext) -> T + 'static,
    ) -> Option<T> {
        let number = self.choices.below(2) as usize;
        let (sender, receiver) = oneshot::channel();
        let world = self.clone();
        self.scheduler.spawn(
            Owner::Isolate(number),
            Box::pin(async move {
                let env = WorldEnv::new(&world, number);
                if let Some(app) = world.application(number, &env) {
                    let ctx = IsolateContext::new(&world, number);
                    let _ = sender.send(event(&app, &env, &ctx).await);
                }
            }),
        );
        receiver.await.ok()
    }

    pub(super) fn application(
        &self,
        isolate: usize,
        env: &WorldEnv,
    ) -> Option<Rc<Lunora<WorldEnv>>> {
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
    pub(super) fn call(
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
    pub(super) fn deliver(self: &Rc<Self>, binding: &str, key: &str, socket: &str) {
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
    pub(super) fn close_unless_accepted(
        self: &Rc<Self>,
        binding: &Rc<str>,
        key: &Rc<str>,
        socket: &str,
    ) {
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
    pub(super) fn flush_later(self: &Rc<Self>, binding: &Rc<str>, key: &Rc<str>) {
        let Some(node) = self.node(binding, key) else { return };
        self.scheduler.spawn(node.owner(), Box::pin(async move { node.flush() }));
    }

    /// Lets go of everything, which holds itself in circles.
    pub(super) fn clear(&self) {
        self.scheduler.clear();
        self.isolates.borrow_mut().iter_mut().for_each(|app| *app = None);
        *self.worker.borrow_mut() = None;
        let nodes = self.nodes.take();
        drop(nodes);
        self.scheduler.clear();
        simulate_clock(None);
    }
}
