//! The settings that the builder passes to the pipeline.

use std::{fmt, rc::Rc, time::Duration};

use super::{
    backup::BackupRunner,
    edge::Security,
    events::Queue,
    fan_out::FanOutRunner,
    hooks::{
        EmailHandler, FanOutAuthorizer, Handler, IdentityContract, IdentityResolver, QueueHandler,
        RateLimit, ShardAuthorizer,
    },
    record::{RequestRecord, RequestSink},
    route::RouteTable,
    scheduled::{CronJobs, CronTable, Job},
};
#[cfg(feature = "admin")]
use crate::admin::{Gate, Plane};
use crate::{
    backup::BackupConfig,
    coordinator::{QueryCoordinator, Sharding},
    platform::{Clock, CloudflareClock, Placement},
    wire::{AdminToken, ShardKey},
};

/// Declares the settings, one row each: the field, its type and its default.
macro_rules! settings {
    ($($(#[$attribute:meta])* $field:ident: $Type:ty = $default:expr;)*) => {
        /// The settings beside the shards. Each field has a setter on the builder.
        pub(crate) struct Settings<E> {
            $($(#[$attribute])* pub(crate) $field: $Type,)*
        }

        impl<E> Default for Settings<E> {
            fn default() -> Self {
                Self { $($(#[$attribute])* $field: $default,)* }
            }
        }
    };
}

settings! {
    #[cfg(feature = "admin")]
    admin: Plane = Plane::default();
    #[cfg(feature = "admin")]
    admin_gate: Gate<E> = Gate::default();
    admin_token: Option<AdminToken> = None;
    allow_unauthenticated_shard_access: bool = false;
    authorize_fan_out: Option<Box<dyn FanOutAuthorizer>> = None;
    authorize_shard: Option<Box<dyn ShardAuthorizer>> = None;
    backup: Option<(BackupConfig, BackupRunner<E>)> = None;
    clock: Rc<dyn Clock> = Rc::new(CloudflareClock);
    cron_jobs: CronJobs<E> = CronJobs::default();
    crons: CronTable<E> = CronTable::default();
    default_shard_key: ShardKey = ShardKey::default();
    email: Option<Rc<dyn EmailHandler<E>>> = None;
    // Set with the coordinator.
    fan_out: Option<FanOutRunner> = None;
    // The job of a trigger if no handler, job or backup is registered for any trigger.
    host_job: Option<Rc<dyn Job<E>>> = None;
    // For the queues that have no handler here.
    host_queue: Option<Rc<dyn QueueHandler<E>>> = None;
    http_router: Option<Rc<dyn Handler<E>>> = None;
    identity_contract: Option<IdentityContract> = None;
    log_requests: Option<fn(&RequestRecord)> = None;
    on_request: Option<Rc<dyn RequestSink>> = None;
    placement: Placement = Placement::default();
    query_coordinator: Option<QueryCoordinator> = None;
    queues: Vec<Queue<E>> = Vec::new();
    rate_limit: Option<RateLimit> = None;
    resolve_identity: Option<Box<dyn IdentityResolver<E>>> = None;
    routes: RouteTable<E> = RouteTable::default();
    security: Security = Security::default();
    // Asked before the resolver of the application.
    #[cfg(feature = "sessions")]
    session_identity: Option<Box<dyn IdentityResolver<E>>> = None;
    shard_timeout: Duration = Duration::from_secs(30);
    sharding: Sharding = Sharding::default();
}

impl<E> Settings<E> {
    /// Returns whether a record is made of each request.
    pub(super) fn records_requests(&self) -> bool {
        self.log_requests.is_some() || self.on_request.is_some()
    }

    /// Returns whether the list of functions says that `path` is a query.
    pub(super) fn is_query(&self, path: &str) -> bool {
        #[cfg(feature = "admin")]
        return self.admin.functions.as_ref().is_some_and(|list| list.is_query(path));
        #[cfg(not(feature = "admin"))]
        return {
            let _ = path;
            false
        };
    }
}

/// Prints what an application registers; the rest are hooks, which cannot be printed.
impl<E> fmt::Debug for Settings<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("backup", &self.backup)
            .field("cron_jobs", &self.cron_jobs.list())
            .field("crons", &self.crons)
            .field("default_shard_key", &self.default_shard_key)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
