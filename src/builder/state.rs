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
pub trait Slot: sealed::Sealed {}

impl<Setter> sealed::Sealed for Missing<Setter> {}

impl<Setter> Slot for Missing<Setter> {}

impl<Setter, Value> sealed::Sealed for Called<Setter, Value> {}

impl<Setter, Value> Slot for Called<Setter, Value> {}

/// A builder without any calls yet.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

/// Declares the setters, one row each. A row makes the setter's marker, its slot in [`State`], the
/// wrapper that fills the slot, and the requirement that it is called [once].
///
/// A row has the whole message of that requirement: the compiler would quote a type as `security`
/// or as its full path, whichever it takes for unambiguous in the crate at hand.
macro_rules! setters {
    ($($setter:ident $Slot:ident $Set:ident $(= $Value:ty)?, $($message:literal)?;)*) => {
        /// Markers, one per setter, named like it.
        #[allow(non_camel_case_types, reason = "the compiler's messages quote them as the call they stand for")]
        pub mod setter {
            $(
                #[doc = concat!("`.", stringify!($setter), "(..)`")]
                #[derive(Clone, Copy, Debug)]
                pub enum $setter {}
            )*
        }

        /// The requirement that a setter is called once, by its slot in [`State`](super::State).
        pub mod once {
            use super::{Missing, setter};

            $($(
                #[doc = concat!("`.", stringify!($setter), "(..)` was not called yet, and so may be.")]
                #[diagnostic::on_unimplemented(
                    message = $message,
                    label = "this is the second call: keep one of the two",
                    note = "a setting has one value; what can be called several times is `.route(..)`, `.routes(..)`, `.cron(..)`, `.cron_job(..)`, `.cron_jobs(..)`, `.queue(..)` and `.workflow(..)`"
                )]
                pub trait $Slot {}

                #[diagnostic::do_not_recommend]
                impl $Slot for Missing<setter::$setter> {}
            )?)*
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

        setters!(@impl [] $($setter $Slot $Set ($($Value)?);)*);
    };
    (@impl [$($Before:ident)*]) => {};
    (@impl [$($Before:ident)*] $setter:ident $Slot:ident $Set:ident ($($Value:ty)?); $($after:ident $After:ident $SetAfter:ident ($($ValueAfter:ty)?);)*) => {
        impl<S: State> State for $Set<S> {
            type $Slot = Called<setter::$setter $(, $Value)?>;
            $(type $Before = S::$Before;)*
            $(type $After = S::$After;)*
        }

        setters!(@impl [$($Before)* $Slot] $($after $After $SetAfter ($($ValueAfter)?);)*);
    };
}

setters! {
    admin_gate AdminGate SetAdminGate, "`.admin_gate(..)` was already called on this builder";
    admin_token AdminToken SetAdminToken, "`.admin_token(..)` was already called on this builder";
    allow_unauthenticated_shard_access OpenShards SetOpenShards, "`.allow_unauthenticated_shard_access(..)` was already called on this builder";
    announcing Announcing SetAnnouncing,;
    auth_admin AuthAdmin SetAuthAdmin, "`.auth_admin(..)` was already called on this builder";
    authorize_fan_out AuthorizeFanOut SetAuthorizeFanOut, "`.authorize_fan_out(..)` was already called on this builder";
    authorize_shard AuthorizeShard SetAuthorizeShard, "`.authorize_shard(..)` was already called on this builder";
    backup Backup SetBackup, "`.backup(..)` was already called on this builder";
    class_of_shards ClassOfShards SetClassOfShards,;
    clock Clock SetClock, "`.clock(..)` was already called on this builder";
    default_shard_key DefaultShardKey SetDefaultShardKey, "`.default_shard_key(..)` was already called on this builder";
    email Email SetEmail, "`.email(..)` was already called on this builder";
    functions Functions SetFunctions, "`.functions(..)` was already called on this builder";
    global_tables GlobalTables SetGlobalTables, "`.global_tables(..)` was already called on this builder";
    health Health SetHealth, "`.health(..)` was already called on this builder";
    http_router HttpRouter SetHttpRouter, "`.http_router(..)` was already called on this builder";
    identity_contract IdentityContract SetIdentityContract, "`.identity_contract(..)` was already called on this builder";
    jurisdiction Jurisdiction SetJurisdiction, "`.jurisdiction(..)` was already called on this builder";
    kv Kv SetKv, "`.kv(..)` was already called on this builder";
    log_archive LogArchive SetLogArchive, "`.log_archive(..)` was already called on this builder";
    log_requests LogRequests SetLogRequests, "`.log_requests(..)` was already called on this builder";
    on_request OnRequest SetOnRequest, "`.on_request(..)` was already called on this builder";
    operator_page OperatorPage SetOperatorPage, "`.operator_page()` was already called on this builder";
    query_coordinator QueryCoordinator SetQueryCoordinator, "`.query_coordinator(..)` was already called on this builder";
    rate_limit RateLimit SetRateLimit, "`.rate_limit(..)` was already called on this builder";
    require_ephemeral_ws_token RequireEphemeralWsToken SetRequireEphemeralWsToken, "`.require_ephemeral_ws_token(..)` was already called on this builder";
    resolve_identity ResolveIdentity SetResolveIdentity, "`.resolve_identity(..)` was already called on this builder";
    scheduler Scheduler SetScheduler, "`.scheduler(..)` was already called on this builder";
    security Security SetSecurity, "`.security(..)` was already called on this builder";
    sessions Sessions SetSessions, "`.sessions(..)` was already called on this builder";
    shard_do ShardDo SetShardDo = Rc<dyn ShardNamespace>, "`.shard_do(..)` was already called on this builder";
    shard_region ShardRegion SetShardRegion, "`.shard_region(..)` was already called on this builder";
    shard_timeout ShardTimeout SetShardTimeout, "`.shard_timeout(..)` was already called on this builder";
    sharding Sharding SetSharding, "`.sharding(..)` was already called on this builder";
    storage Storage SetStorage, "`.storage(..)` was already called on this builder";
    vectors Vectors SetVectors, "`.vectors(..)` was already called on this builder";
}

mod sealed {
    pub trait Sealed {}
}
