//! The builder: every setting of a Worker, and the compile errors for an invalid combination.

mod access;
#[cfg(feature = "admin")]
mod admin;
mod backup;
mod records;
pub mod requirements;
mod routes;
#[cfg(feature = "sessions")]
mod sessions;
mod shards;
pub mod state;
mod triggers;

use std::{fmt, rc::Rc, time::Duration};

pub use self::shards::{IntoShards, VouchedShards};
use self::{
    requirements::{
        AdminTokenForBackup, AdminTokenForOperatorPage, AnnouncedForBackup, CoordinatorForBackup,
        CoordinatorForFanOut, CoordinatorForOperatorPage, HasShardDo, JurisdictionOfShards,
    },
    state::{
        Called, Empty, Missing, SetAdminToken, SetClock, SetDefaultShardKey, SetJurisdiction,
        SetQueryCoordinator, SetShardDo, SetShardRegion, SetShardTimeout, State, once,
    },
};
use crate::{
    coordinator::QueryCoordinator,
    pipeline::{Lunora, fan_out, settings::Settings},
    platform::{Clock, Env, Jurisdiction, LocationHint},
    wire::{AdminToken, ShardKey},
};

/// Configures a [`Lunora`]. Call the setters in any order, then [`build`](Self::build).
///
/// ```no_run
/// use lunora::prelude::*;
///
/// fn app(env: &Env) -> Result<Lunora, LunoraError> {
///     Ok(Lunora::builder()
///         .shard_do(env.durable_object("SHARD")?)
///         .resolve_identity(async |request, _env| request.cookie("user").map(Identity::user))
///         .authorize_shard(async |access| access.identity.is_some())
///         .route(route!("GET /healthz"), async |_request, _env, _ctx| Response::text("ok"))
///         .build())
/// }
/// ```
///
/// # What does not compile
///
/// An invalid set of settings is a compile error that names each missing setting and the call that
/// adds it; all missing settings are reported at once:
///
/// ```compile_fail,E0277
/// # use lunora::prelude::*;
/// # fn app(namespace: lunora::testing::MemoryNamespace, backup: BackupConfig) {
/// // error: a scheduled backup needs a query coordinator, and none was configured
/// // error: a scheduled backup needs an admin token, and none was configured
/// // error: a scheduled backup holds every shard, and nothing says that these shards announce themselves
/// lunora::testing::builder().shard_do(namespace).backup(backup).build();
/// # }
/// ```
///
/// So is calling a setter twice. Methods that add may be called repeatedly: `route`, `routes`,
/// `cron`, `cron_job`, `cron_jobs`, `queue` and `workflow`.
///
/// # Conditional configuration
///
/// Each call changes the builder's type, so the two branches of an `if` must end alike. Either
/// each branch ends in `build`, or the value is what the condition chooses:
///
/// ```
/// use lunora::{Identity, Lunora, Response, security::{Security, SecurityHeaders}, testing};
///
/// # fn example(public: bool) {
/// # let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
/// let builder = testing::builder().shard_do(namespace);
/// let app = if public {
///     builder.allow_unauthenticated_shard_access().build()
/// } else {
///     builder.authorize_shard(async |access| access.identity.is_some()).build()
/// };
/// # let _ = app;
/// # }
/// ```
///
/// [`maybe_backup`](Self::maybe_backup) adds a backup that only some deployments have.
///
/// # Types
///
/// You won't need to write the parameters out: `S` records the calls so far, and `E` is the
/// environment that hooks receive. A function that returns a builder, or a struct that holds one,
/// names the calls, the last one outermost:
///
/// ```
/// use lunora::{
///     Response,
///     builder::{Builder, state::SetShardDo},
///     testing::{self, MemoryEnvironment},
/// };
///
/// struct Draft {
///     builder: Builder<SetShardDo, MemoryEnvironment>,
/// }
///
/// fn base() -> Draft {
///     let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
///     Draft { builder: testing::builder().shard_do(shards) }
/// }
/// # let _ = base().builder.build();
/// ```
#[must_use = "a builder does nothing until `.build()` is called"]
pub struct Builder<S: State = Empty, E = Env> {
    shard_do: S::ShardDo,
    /// Boxed: each setter moves the builder.
    pub(crate) settings: Box<Settings<E>>,
}

impl Lunora {
    /// Returns a builder for the real platform.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Returns a builder for any platform; see [`Bindings`](crate::platform::Bindings).
    pub fn builder_for<E>() -> Builder<Empty, E> {
        Builder::new()
    }
}

impl<E> Builder<Empty, E> {
    /// Returns a builder whose hooks receive an environment of type `E`.
    ///
    /// [`Lunora::builder`] is this for the real platform, and
    /// [`testing::builder`](crate::testing::builder) for the one in memory.
    pub fn new() -> Self {
        Self { shard_do: Missing::new(), settings: Box::default() }
    }
}

impl<E> Default for Builder<Empty, E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Every setter, and [`build`](Builder::build).
impl<S: State, E: 'static> Builder<S, E> {
    /// Sets the Durable Objects that hold the data, one per shard. Required.
    ///
    /// `env.durable_object("SHARD")?` is such a namespace. A [`backup`](Self::backup) needs more:
    /// that the shards announce themselves to the registry.
    /// `Room::shards(env.durable_object("SHARD")?)` declares it for a [`shard!`](crate::shard!)
    /// with a `registry:`, and [`VouchedShards`] for shards of another implementation. It also says
    /// which field of a document names its shard, by `shard_by` of each table.
    pub fn shard_do<N: IntoShards>(mut self, shards: N) -> Builder<N::Then<SetShardDo<S>>, E>
    where
        S::ShardDo: once::ShardDo,
    {
        if let Some(jurisdiction) = N::JURISDICTION {
            self.settings.placement = self.settings.placement.jurisdiction(jurisdiction);
        }
        let sharding = std::mem::take(&mut self.settings.sharding);
        self.settings.sharding = sharding.or(N::sharding());
        Builder { shard_do: Called::with(shards.into_namespace()), settings: self.settings }
    }

    /// Sets the shard for calls without a shard key. Default: `__root__`.
    pub fn default_shard_key(mut self, key: ShardKey) -> Builder<SetDefaultShardKey<S>, E>
    where
        S::DefaultShardKey: once::DefaultShardKey,
    {
        self.settings.default_shard_key = key;
        self.advance()
    }

    /// Sets the jurisdiction that no shard's data may leave. Default: no jurisdiction.
    ///
    /// Use it for shards of another implementation, which must register in the registry of the same
    /// jurisdiction. A [`shard!`](crate::shard!) declares its own, as `jurisdiction: Eu`, and
    /// `.shard_do(Room::shards(namespace))` carries it; calling this as well does not compile.
    /// Calls, the shard registry, backups and restores all go there.
    ///
    /// A host that cannot bind objects to it refuses every call and never ignores it.
    pub fn jurisdiction(mut self, jurisdiction: Jurisdiction) -> Builder<SetJurisdiction<S>, E>
    where
        S::Jurisdiction: once::Jurisdiction,
    {
        self.settings.placement = self.settings.placement.jurisdiction(jurisdiction);
        self.advance()
    }

    /// Chooses where a new shard should be created, by its key. Default: near its first caller.
    ///
    /// It is a hint, sent only if no [`jurisdiction`](Self::jurisdiction) is set.
    pub fn shard_region(
        mut self,
        region: impl Fn(&ShardKey) -> Option<LocationHint> + 'static,
    ) -> Builder<SetShardRegion<S>, E>
    where
        S::ShardRegion: once::ShardRegion,
    {
        self.settings.placement = self.settings.placement.region(region);
        self.advance()
    }

    /// Sets the token of operators. A [`backup`](Self::backup) needs it. Default: the variable
    /// `LUNORA_ADMIN_TOKEN`.
    pub fn admin_token(mut self, token: AdminToken) -> Builder<SetAdminToken<S>, E>
    where
        S::AdminToken: once::AdminToken,
    {
        self.settings.admin_token = Some(token);
        self.advance()
    }

    /// Sets what runs queries across shards. Default: such queries are refused.
    ///
    /// With the feature `admin`, operators can also move data and run migrations over all shards; the
    /// token is that of [`admin_token`](Self::admin_token), else of the variable
    /// `LUNORA_ADMIN_TOKEN`. A [`backup`](Self::backup) needs a coordinator, and so does
    /// [`authorize_fan_out`](Self::authorize_fan_out).
    pub fn query_coordinator(
        mut self,
        coordinator: QueryCoordinator,
    ) -> Builder<SetQueryCoordinator<S>, E>
    where
        S::QueryCoordinator: once::QueryCoordinator,
    {
        self.settings.query_coordinator = Some(coordinator);
        self.settings.fan_out = Some(fan_out::run);
        #[cfg(feature = "admin")]
        {
            use crate::admin::{AdminArea, Data, Orchestration, ScheduledCalls};

            self.settings.admin.attach(AdminArea::Data, Data);
            self.settings.admin.attach(AdminArea::Orchestration, Orchestration);
            self.settings.admin.attach_default(AdminArea::Scheduler, ScheduledCalls);
        }
        self.advance()
    }

    /// Sets how long one shard may take to answer a call, its part of a batch, an upgrade, a cron
    /// job, a dispatch of the scheduler or an operator, and how long the scheduler may take.
    /// Default: 30 seconds.
    ///
    /// After that the request to the shard is aborted and the caller gets 503 `SHARD_UNAVAILABLE`:
    /// the call may have run, so a client repeats a mutation with its id. An action that takes
    /// longer needs a longer timeout. A call is timed until its answer begins, and a part of a batch
    /// until its answer is read. Queries across shards have the timeout of their
    /// [`QueryCoordinator`].
    pub fn shard_timeout(mut self, timeout: Duration) -> Builder<SetShardTimeout<S>, E>
    where
        S::ShardTimeout: once::ShardTimeout,
    {
        self.settings.shard_timeout = timeout;
        self.advance()
    }

    /// Sets the clock of backups and the admin plane. Default: the runtime's clock.
    pub fn clock(mut self, clock: impl Clock) -> Builder<SetClock<S>, E>
    where
        S::Clock: once::Clock,
    {
        self.settings.clock = Rc::new(clock);
        self.advance()
    }

    /// Builds the Worker. It cannot fail: an invalid value was refused when the value was made, and
    /// a missing setting does not compile.
    pub fn build(self) -> Lunora<E>
    where
        S::ShardDo: HasShardDo,
        S::Announcing: AnnouncedForBackup<S::Backup, S::ShardDo>,
        S::Jurisdiction: JurisdictionOfShards<S::ClassOfShards>,
        S::QueryCoordinator: CoordinatorForBackup<S::Backup>
            + CoordinatorForFanOut<S::AuthorizeFanOut>
            + CoordinatorForOperatorPage<S::OperatorPage>,
        S::AdminToken: AdminTokenForBackup<S::Backup> + AdminTokenForOperatorPage<S::OperatorPage>,
    {
        let (placement, coordinator) = (&self.settings.placement, &self.settings.query_coordinator);
        if let (Some(jurisdiction), Some(coordinator)) = (placement.bound_to(), coordinator) {
            coordinator.bind(jurisdiction);
        }
        Lunora::new(self.shard_do.into_namespace(), self.settings)
    }

    /// Returns the same builder after one more call, which was not `shard_do`.
    fn advance<Next: State<ShardDo = S::ShardDo>>(self) -> Builder<Next, E> {
        Builder { shard_do: self.shard_do, settings: self.settings }
    }
}

impl<S: State, E> fmt::Debug for Builder<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
