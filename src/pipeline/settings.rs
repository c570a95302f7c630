//! The settings that the builder passes to the pipeline.

use std::{fmt, rc::Rc, time::Duration};

use super::{
    backup::BackupRunner,
    edge::Security,
    fan_out::FanOutRunner,
    hooks::{FanOutAuthorizer, Handler, IdentityResolver, RateLimit, ShardAuthorizer},
    route::RouteTable,
    scheduled::{CronTable, Job},
};
#[cfg(feature = "admin")]
use crate::admin::{Gate, Plane};
use crate::{
    backup::BackupConfig,
    coordinator::{QueryCoordinator, Sharding},
    jobs::CronJob,
    platform::{Clock, CloudflareClock, Placement},
    wire::{AdminToken, ShardKey},
};

/// The settings beside the shards. Each field has a setter on the builder.
pub(crate) struct Settings<E> {
    #[cfg(feature = "admin")]
    pub(crate) admin: Plane,
    #[cfg(feature = "admin")]
    pub(crate) admin_gate: Gate<E>,
    pub(crate) admin_token: Option<AdminToken>,
    pub(crate) allow_unauthenticated_shard_access: bool,
    pub(crate) authorize_fan_out: Option<Box<dyn FanOutAuthorizer>>,
    pub(crate) authorize_shard: Option<Box<dyn ShardAuthorizer>>,
    pub(crate) backup: Option<(BackupConfig, BackupRunner<E>)>,
    pub(crate) clock: Rc<dyn Clock>,
    pub(crate) cron_jobs: Vec<CronJob>,
    pub(crate) crons: CronTable<E>,
    pub(crate) default_shard_key: ShardKey,
    /// The job of a trigger if no handler, job or backup is registered for any trigger.
    pub(crate) host_job: Option<Rc<dyn Job<E>>>,
    pub(crate) http_router: Option<Rc<dyn Handler<E>>>,
    pub(crate) placement: Placement,
    /// Set with the coordinator.
    pub(crate) fan_out: Option<FanOutRunner>,
    pub(crate) query_coordinator: Option<QueryCoordinator>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) resolve_identity: Option<Box<dyn IdentityResolver<E>>>,
    pub(crate) routes: RouteTable<E>,
    pub(crate) security: Security,
    pub(crate) shard_timeout: Duration,
    pub(crate) sharding: Sharding,
}

impl<E> Default for Settings<E> {
    fn default() -> Self {
        Self {
            #[cfg(feature = "admin")]
            admin: Plane::default(),
            #[cfg(feature = "admin")]
            admin_gate: Gate::default(),
            admin_token: None,
            allow_unauthenticated_shard_access: false,
            authorize_fan_out: None,
            authorize_shard: None,
            backup: None,
            clock: Rc::new(CloudflareClock),
            cron_jobs: Vec::new(),
            crons: CronTable::default(),
            default_shard_key: ShardKey::default(),
            host_job: None,
            http_router: None,
            placement: Placement::default(),
            fan_out: None,
            query_coordinator: None,
            rate_limit: None,
            resolve_identity: None,
            routes: RouteTable::default(),
            security: Security::default(),
            shard_timeout: Duration::from_secs(30),
            sharding: Sharding::default(),
        }
    }
}

impl<E> fmt::Debug for Settings<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("admin_token", &self.admin_token)
            .field("allow_unauthenticated_shard_access", &self.allow_unauthenticated_shard_access)
            .field("authorize_fan_out", &self.authorize_fan_out.is_some())
            .field("authorize_shard", &self.authorize_shard.is_some())
            .field("backup", &self.backup)
            .field("cron_jobs", &self.cron_jobs)
            .field("crons", &self.crons)
            .field("default_shard_key", &self.default_shard_key)
            .field("http_router", &self.http_router.is_some())
            .field("placement", &self.placement)
            .field("query_coordinator", &self.query_coordinator)
            .field("rate_limit", &self.rate_limit)
            .field("resolve_identity", &self.resolve_identity.is_some())
            .field("routes", &self.routes)
            .field("shard_timeout", &self.shard_timeout)
            .finish_non_exhaustive()
    }
}
