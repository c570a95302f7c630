//! A class of shards, as the Worker sees it.

use std::{fmt, marker::PhantomData};

use super::{definition::ShardDefinition, table::TableSpec};
use crate::platform::{Jurisdiction, ShardNamespace};

/// A class of Durable Objects that [`shard!`](crate::shard!) wrote.
pub trait ShardClass {
    /// Marks whether the shards announce themselves: [`Announced`] with a `registry:`, else
    /// [`Unannounced`].
    type Announcement: Announcement;

    /// The jurisdiction that the shards' data must not leave. Default: no jurisdiction.
    ///
    /// The registry of the shards is in it too, and [`shards`](Self::shards) makes the Worker look
    /// for them there. [`definition`](Self::definition) sets the same for the shards.
    const JURISDICTION: Option<Jurisdiction> = None;

    /// The tables of the shards. [`Table::shard_by`](super::Table::shard_by) of each tells an import
    /// over several shards where a document belongs.
    const TABLES: &'static [TableSpec] = &[];

    /// Returns the definition of the shards.
    fn definition() -> ShardDefinition;

    /// Declares that the objects of a namespace are of this class, for
    /// [`Builder::shard_do`](crate::builder::Builder::shard_do).
    fn shards<N: ShardNamespace>(namespace: N) -> ShardsOf<Self, N>
    where
        Self: Sized,
    {
        ShardsOf { namespace, class: PhantomData }
    }
}

/// States whether the shards of a class announce themselves to the shard registry.
pub trait Announcement: fmt::Debug + sealed::Sealed {}

/// The shards announce themselves: their `shard!` has a `registry:`.
#[derive(Clone, Copy, Debug)]
pub enum Announced {}

/// The shards do not announce themselves: their `shard!` has no `registry:`.
#[derive(Clone, Copy, Debug)]
pub enum Unannounced {}

impl sealed::Sealed for Announced {}

impl Announcement for Announced {}

impl sealed::Sealed for Unannounced {}

impl Announcement for Unannounced {}

/// A namespace whose objects are of the class `C`; see [`ShardClass::shards`].
pub struct ShardsOf<C, N> {
    pub(crate) namespace: N,
    class: PhantomData<C>,
}

impl<C, N> fmt::Debug for ShardsOf<C, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardsOf").finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
}
