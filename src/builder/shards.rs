//! The argument of `shard_do`: a namespace, and what is known about its shards.

use std::rc::Rc;

#[cfg(feature = "shard")]
use super::state::SetClassOfShards;
use super::state::{SetAnnouncing, State};
#[cfg(feature = "shard")]
use crate::shard::{Announced, Announcement, ShardClass, ShardsOf, Unannounced};
use crate::{
    coordinator::Sharding,
    platform::{Jurisdiction, ShardNamespace},
};

/// The shards of a deployment, as [`Builder::shard_do`](crate::builder::Builder::shard_do) takes them.
///
/// Every [`ShardNamespace`] is accepted. A backup must know that each shard announces itself to the
/// registry, which a namespace alone does not state: `Room::shards(namespace)` states it for a
/// class of [`shard!`](crate::shard!), and [`VouchedShards`] for shards of another implementation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a namespace of shards",
    label = "expected `env.durable_object(\"SHARD\")?`, or the shards of a class: `Room::shards(namespace)`"
)]
pub trait IntoShards: sealed::Sealed {
    /// The state of a builder of state `S` that has these shards.
    #[doc(hidden)]
    type Then<S: State>: State<ShardDo = S::ShardDo>;

    /// The jurisdiction that the class of the shards declares.
    #[doc(hidden)]
    const JURISDICTION: Option<Jurisdiction> = None;

    /// The fields that name the shard of a document, as the tables of the class declare them.
    #[doc(hidden)]
    #[must_use]
    fn sharding() -> Sharding {
        Sharding::default()
    }

    #[doc(hidden)]
    fn into_namespace(self) -> Rc<dyn ShardNamespace>;
}

#[diagnostic::do_not_recommend]
impl<N: ShardNamespace> sealed::Sealed for N {}

#[diagnostic::do_not_recommend]
impl<N: ShardNamespace> IntoShards for N {
    type Then<S: State> = S;

    fn into_namespace(self) -> Rc<dyn ShardNamespace> {
        Rc::new(self)
    }
}

/// Shards of another implementation that announce themselves to the registry.
///
/// A backup holds what the registry lists. By this type you vouch that every shard of the namespace
/// is listed before its first row is committed, as the shards of the TypeScript framework are, and
/// as those of a [`shard!`](crate::shard!) with a `registry:` are by themselves. A shard that is not
/// listed is missing from every snapshot.
///
/// ```
/// use lunora::{builder::{Builder, VouchedShards}, platform::Bindings, prelude::*};
///
/// # fn example<E: Bindings>(env: &E) -> Result<(), LunoraError> {
/// let builder =
///     Lunora::builder_for::<E>().shard_do(VouchedShards::new(env.durable_object("SHARD")?));
/// # let _ = builder.build();
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VouchedShards<N> {
    namespace: N,
}

impl<N: ShardNamespace> VouchedShards<N> {
    /// Vouches for the shards of a namespace.
    pub fn new(namespace: N) -> Self {
        Self { namespace }
    }
}

impl<N: ShardNamespace> sealed::Sealed for VouchedShards<N> {}

impl<N: ShardNamespace> IntoShards for VouchedShards<N> {
    type Then<S: State> = SetAnnouncing<S>;

    fn into_namespace(self) -> Rc<dyn ShardNamespace> {
        Rc::new(self.namespace)
    }
}

/// What a builder knows of shards by whether they announce themselves.
#[cfg(feature = "shard")]
#[doc(hidden)]
pub trait Announcing: Announcement {
    type Then<S: State>: State<ShardDo = S::ShardDo>;
}

#[cfg(feature = "shard")]
impl Announcing for Announced {
    type Then<S: State> = SetAnnouncing<S>;
}

#[cfg(feature = "shard")]
impl Announcing for Unannounced {
    type Then<S: State> = S;
}

#[cfg(feature = "shard")]
impl<C, N: ShardNamespace> sealed::Sealed for ShardsOf<C, N> {}

#[cfg(feature = "shard")]
impl<C: ShardClass<Announcement: Announcing>, N: ShardNamespace> IntoShards for ShardsOf<C, N> {
    type Then<S: State> = <C::Announcement as Announcing>::Then<SetClassOfShards<S>>;

    const JURISDICTION: Option<Jurisdiction> = C::JURISDICTION;

    fn sharding() -> Sharding {
        let rules = C::TABLES.iter().filter_map(|table| Some((table.name(), table.shard_by?)));
        rules.fold(Sharding::default(), |sharding, (table, field)| sharding.by(table, field))
    }

    fn into_namespace(self) -> Rc<dyn ShardNamespace> {
        self.namespace.has_our_class();
        Rc::new(self.namespace)
    }
}

mod sealed {
    pub trait Sealed {}
}
