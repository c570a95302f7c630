//! What the Worker of a simulated deployment is given.

use std::rc::{Rc, Weak};

use futures::future::LocalBoxFuture;

use super::{Inner, WorldStore, scheduler::Owner};
use crate::{
    errors::{Code, LunoraError},
    message::{Request, Response},
    platform::{
        Bindings, Environment, ExecutionContext, ShardAddress, ShardCallError, ShardNamespace,
    },
};

/// The environment of the Worker in a [`World`](super::World).
#[derive(Clone)]
pub struct WorldEnv {
    world: Weak<Inner>,
    isolate: usize,
}

/// The objects behind a binding of a [`World`](super::World).
#[derive(Clone)]
pub struct WorldNamespace {
    world: Weak<Inner>,
    binding: Rc<str>,
}

impl WorldEnv {
    pub(super) fn new(world: &Rc<Inner>, isolate: usize) -> Self {
        Self { world: Rc::downgrade(world), isolate }
    }
}

impl Environment for WorldEnv {
    fn var(&self, name: &str) -> Option<String> {
        self.world.upgrade()?.vars.borrow().get(name).cloned()
    }

    /// Counts, and draws no decision: the ids of traces change nothing that happens.
    fn random_seed(&self) -> [u8; 32] {
        let count = self.world.upgrade().map_or(0, |world| {
            world.seeds.set(world.seeds.get() + 1);
            world.seeds.get()
        });
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&count.to_le_bytes());
        seed
    }

    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        if let Some(world) = self.world.upgrade() {
            world.scheduler.spawn(Owner::Isolate(self.isolate), task);
        }
    }
}

impl Bindings for WorldEnv {
    type Namespace = WorldNamespace;
    type Store = WorldStore;

    fn durable_object(&self, binding: &str) -> Result<WorldNamespace, LunoraError> {
        let world = self.world.upgrade();
        let world = world.filter(|world| world.classes.borrow().contains_key(binding));
        let world = world.ok_or_else(|| {
            let message =
                format!("no binding `{binding}`: call `world.shards` or `world.registry`");
            LunoraError::new(Code::Misconfigured, message)
        })?;
        Ok(WorldNamespace::new(&world, binding))
    }

    fn bucket(&self, binding: &str) -> Result<WorldStore, LunoraError> {
        let world = self.world.upgrade();
        let world = world.ok_or_else(|| LunoraError::internal("the deployment is over"))?;
        Ok(world.store(binding))
    }
}

impl WorldNamespace {
    pub(super) fn new(world: &Rc<Inner>, binding: &str) -> Self {
        Self { world: Rc::downgrade(world), binding: binding.into() }
    }
}

impl ShardNamespace for WorldNamespace {
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        let key = address.key.clone();
        // The same name in another jurisdiction is another object.
        let objects = match address.jurisdiction {
            Some(jurisdiction) => format!("{}@{}", self.binding, jurisdiction.as_str()),
            None => self.binding.to_string(),
        };
        match self.world.upgrade() {
            Some(world) => world.call(&objects, &key, request),
            None => {
                Box::pin(
                    async move { Err(ShardCallError::unavailable(key, "the deployment is over")) },
                )
            }
        }
    }

    fn namespace_id(&self) -> Option<String> {
        Some(self.binding.to_string())
    }
}

/// Work that outlives its request, as long as the isolate lives.
pub(super) struct IsolateContext {
    world: Rc<Inner>,
    isolate: usize,
}

impl IsolateContext {
    pub(super) fn new(world: &Rc<Inner>, isolate: usize) -> Self {
        Self { world: world.clone(), isolate }
    }
}

impl ExecutionContext for IsolateContext {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        self.world.scheduler.spawn(Owner::Isolate(self.isolate), task);
    }
}

impl std::fmt::Debug for WorldEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldEnv").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WorldNamespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldNamespace").field("binding", &self.binding).finish_non_exhaustive()
    }
}
