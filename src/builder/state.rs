//! The calls on a builder so far, as a type.
//!
//! A state is [`Empty`] with one wrapper per call: `SetAdminToken<SetShardDo>` is a builder on
//! which `shard_do` and then `admin_token` was called. Each state records for every setter whether
//! it was called; the requirements between setters are bounds over that (`requirements.rs`).

use std::{fmt, marker::PhantomData, rc::Rc};

use crate::platform::ShardNamespace;

/// A setter that was not called yet.
pub struct Missing<Setter>(PhantomData<Setter>);

impl<Setter> Missing<Setter> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Setter> fmt::Debug for Missing<Setter> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Missing")
    }
}

/// A setter that was called, with the value that `build` cannot do without.
pub struct Called<Setter, Value = ()> {
    pub(super) value: Value,
    setter: PhantomData<Setter>,
}

impl<Setter, Value> Called<Setter, Value> {
    pub(super) fn with(value: Value) -> Self {
        Self { value, setter: PhantomData }
    }
}

impl<Setter, Value> fmt::Debug for Called<Setter, Value> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Called")
    }
}

/// A slot that records whether a setter was called.
pub trait Slot: sealed::Sealed {
    /// `true` if it was called.
    const CALLED: bool;
}

impl<Setter> sealed::Sealed for Missing<Setter> {}

impl<Setter> Slot for Missing<Setter> {
    const CALLED: bool = false;
}

impl<Setter, Value> sealed::Sealed for Called<Setter, Value> {}

impl<Setter, Value> Slot for Called<Setter, Value> {
    const CALLED: bool = true;
}

/// A builder without any calls yet.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

/// Declares, per setter: its marker, its slot in [`State`] and the wrapper that fills it.
macro_rules! slots {
    ($($setter:ident $Slot:ident $Set:ident = $Value:ty;)*) => {
        /// Markers, one per setter, named like it.
        #[allow(non_camel_case_types, reason = "the compiler's messages quote them as the call they stand for")]
        pub mod setter {
            $(
                #[doc = concat!("`.", stringify!($setter), "(..)`")]
                #[derive(Clone, Copy, Debug)]
                pub enum $setter {}
            )*
        }

        /// The calls on a builder so far.
        ///
        /// It is sealed: a state is [`Empty`] or one of the `Set…` wrappers.
        pub trait State: sealed::Sealed {
            $(
                #[doc = concat!("Whether `.", stringify!($setter), "(..)` was called.")]
                type $Slot: Slot;
            )*
        }

        impl sealed::Sealed for Empty {}

        impl State for Empty {
            $(type $Slot = Missing<setter::$setter>;)*
        }

        $(
            #[doc = concat!("The state after `.", stringify!($setter), "(..)` on a builder of state `S`.")]
            #[derive(Clone, Copy, Debug)]
            pub struct $Set<S = Empty>(PhantomData<S>);

            impl<S> sealed::Sealed for $Set<S> {}
        )*

        slots!(@impl [] $($setter $Slot $Set = $Value;)*);
    };
    (@impl [$($Before:ident)*]) => {};
    (@impl [$($Before:ident)*] $setter:ident $Slot:ident $Set:ident = $Value:ty; $($after:ident $After:ident $SetAfter:ident = $ValueAfter:ty;)*) => {
        impl<S: State> State for $Set<S> {
            type $Slot = Called<setter::$setter, $Value>;
            $(type $Before = S::$Before;)*
            $(type $After = S::$After;)*
        }

        slots!(@impl [$($Before)* $Slot] $($after $After $SetAfter = $ValueAfter;)*);
    };
}

slots! {
    admin_gate AdminGate SetAdminGate = ();
    admin_token AdminToken SetAdminToken = ();
    announcing Announcing SetAnnouncing = ();
    allow_unauthenticated_shard_access OpenShards SetOpenShards = ();
    auth_admin AuthAdmin SetAuthAdmin = ();
    authorize_fan_out AuthorizeFanOut SetAuthorizeFanOut = ();
    authorize_shard AuthorizeShard SetAuthorizeShard = ();
    backup Backup SetBackup = ();
    class_of_shards ClassOfShards SetClassOfShards = ();
    clock Clock SetClock = ();
    default_shard_key DefaultShardKey SetDefaultShardKey = ();
    functions Functions SetFunctions = ();
    global_tables GlobalTables SetGlobalTables = ();
    health Health SetHealth = ();
    http_router HttpRouter SetHttpRouter = ();
    jurisdiction Jurisdiction SetJurisdiction = ();
    kv Kv SetKv = ();
    log_archive LogArchive SetLogArchive = ();
    query_coordinator QueryCoordinator SetQueryCoordinator = ();
    rate_limit RateLimit SetRateLimit = ();
    require_ephemeral_ws_token RequireEphemeralWsToken SetRequireEphemeralWsToken = ();
    resolve_identity ResolveIdentity SetResolveIdentity = ();
    scheduler Scheduler SetScheduler = ();
    security Security SetSecurity = ();
    shard_do ShardDo SetShardDo = Rc<dyn ShardNamespace>;
    shard_region ShardRegion SetShardRegion = ();
    shard_timeout ShardTimeout SetShardTimeout = ();
    storage Storage SetStorage = ();
    vectors Vectors SetVectors = ();
    sharding Sharding SetSharding = ();
}

mod sealed {
    pub trait Sealed {}
}
