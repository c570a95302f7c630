//! Finding a shard and calling it.

use std::{any::Any, error::Error, fmt, rc::Rc};

use futures::{
    StreamExt,
    future::LocalBoxFuture,
    stream::{self, LocalBoxStream},
};

use super::each::{AskEach, EachAnswer, EachCall};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::{Request, Response},
    wire::ShardKey,
};

/// A namespace of shards: a Durable Object namespace, or its stand-in in a test.
pub trait ShardNamespace: 'static {
    /// Sends `request` to the shard at `address`.
    ///
    /// Dropping the future abandons the call.
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>>;

    /// Returns the identity that distinguishes this namespace from every other one, such as that of
    /// another deployment.
    ///
    /// Backups write it into their manifests, so that two deployments with the same bucket do not
    /// mistake each other's snapshots for their own. Default: `None`, for a namespace without an
    /// identity.
    fn namespace_id(&self) -> Option<String> {
        None
    }

    /// Tells the host that the objects are of a class of [`shard!`](crate::shard!): the host may call
    /// them in a cheaper way than by a request.
    #[doc(hidden)]
    fn has_our_class(&self) {}

    /// Returns how several shards are asked at once. A host may know a cheaper way than a request to each.
    #[doc(hidden)]
    fn ask_each(&self) -> AskEach {
        AskEach::BY_REQUESTS
    }

    /// Returns the host's own namespace, if calls to it may go past [`fetch`](Self::fetch).
    ///
    /// A namespace that wraps another must not pass that one on: the calls would go past it.
    #[doc(hidden)]
    fn as_host(&self) -> Option<&dyn Any> {
        None
    }
}

impl<N: ShardNamespace + ?Sized> ShardNamespace for std::rc::Rc<N> {
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        (**self).fetch(address, request)
    }

    fn namespace_id(&self) -> Option<String> {
        (**self).namespace_id()
    }

    fn has_our_class(&self) {
        (**self).has_our_class();
    }

    fn ask_each(&self) -> AskEach {
        (**self).ask_each()
    }

    fn as_host(&self) -> Option<&dyn Any> {
        (**self).as_host()
    }
}

/// One shard of a namespace: its name, and the places in which it may live.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShardAddress {
    /// The shard's name.
    pub key: ShardKey,
    /// The jurisdiction that its data must not leave.
    pub jurisdiction: Option<Jurisdiction>,
    /// The location in which to create it, if it does not exist yet. Never set with a jurisdiction.
    pub location_hint: Option<LocationHint>,
}

impl ShardAddress {
    /// Returns the address of the shard of this name, in any location.
    #[must_use]
    pub fn new(key: ShardKey) -> Self {
        Self { key, jurisdiction: None, location_hint: None }
    }
}

/// A jurisdiction that Durable Objects can be bound to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Jurisdiction {
    /// The European Union.
    Eu,
    /// The United States.
    Us,
    /// FedRAMP-compliant data centres.
    FedRamp,
}

impl Jurisdiction {
    /// Returns the platform's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Us => "us",
            Self::FedRamp => "fedramp",
        }
    }
}

/// The location in which a Durable Object should be created. It is a hint: the platform may choose
/// another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LocationHint {
    /// Western North America.
    WesternNorthAmerica,
    /// Eastern North America.
    EasternNorthAmerica,
    /// South America.
    SouthAmerica,
    /// Western Europe.
    WesternEurope,
    /// Eastern Europe.
    EasternEurope,
    /// Asia and the Pacific.
    AsiaPacific,
    /// Oceania.
    Oceania,
    /// Africa.
    Africa,
    /// The Middle East.
    MiddleEast,
}

impl LocationHint {
    /// Returns the platform's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WesternNorthAmerica => "wnam",
            Self::EasternNorthAmerica => "enam",
            Self::SouthAmerica => "sam",
            Self::WesternEurope => "weur",
            Self::EasternEurope => "eeur",
            Self::AsiaPacific => "apac",
            Self::Oceania => "oc",
            Self::Africa => "afr",
            Self::MiddleEast => "me",
        }
    }
}

/// The placement of shards: the same rule for every shard of a deployment.
#[derive(Clone, Default)]
pub struct Placement {
    jurisdiction: Option<Jurisdiction>,
    region: Option<Rc<RegionFn>>,
}

type RegionFn = dyn Fn(&ShardKey) -> Option<LocationHint>;

impl Placement {
    /// Binds every shard to a jurisdiction. Location hints are not sent then.
    #[must_use]
    pub fn jurisdiction(mut self, jurisdiction: Jurisdiction) -> Self {
        self.jurisdiction = Some(jurisdiction);
        self
    }

    /// Returns the jurisdiction that every shard is bound to.
    pub(crate) fn bound_to(&self) -> Option<Jurisdiction> {
        self.jurisdiction
    }

    /// Chooses where a shard of a given key should be created.
    #[must_use]
    pub fn region(mut self, region: impl Fn(&ShardKey) -> Option<LocationHint> + 'static) -> Self {
        self.region = Some(Rc::new(region));
        self
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placement")
            .field("jurisdiction", &self.jurisdiction)
            .field("region", &self.region.is_some())
            .finish()
    }
}

/// Finds the shard of `key`.
///
/// ```
/// use std::rc::Rc;
/// use lunora::{
///     Request, Response,
///     platform::{Jurisdiction, Placement, ShardNamespace, resolve_shard},
/// };
/// use lunora::testing::MemoryNamespace;
///
/// # futures::executor::block_on(async {
/// let namespace: Rc<dyn ShardNamespace> =
///     Rc::new(MemoryNamespace::new(async |_address, _request| Response::text("here")));
/// let shard = resolve_shard(&namespace, "room:42".parse()?, &Placement::default());
/// let answer = shard.fetch(Request::get("https://shard.internal/")).await?;
/// assert_eq!(answer.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[must_use]
pub fn resolve_shard(
    namespace: &Rc<dyn ShardNamespace>,
    key: ShardKey,
    placement: &Placement,
) -> ResolvedShard {
    let mut address = ShardAddress::new(key);
    address.jurisdiction = placement.jurisdiction;
    if address.jurisdiction.is_none() {
        address.location_hint = placement.region.as_ref().and_then(|region| region(&address.key));
    }
    ResolvedShard { namespace: namespace.clone(), address }
}

/// A shard that was found, ready to be called.
#[derive(Clone)]
pub struct ResolvedShard {
    namespace: Rc<dyn ShardNamespace>,
    address: ShardAddress,
}

impl ResolvedShard {
    /// Returns the shard's address.
    #[must_use]
    pub fn address(&self) -> &ShardAddress {
        &self.address
    }

    /// Sends a request to the shard, in the trace of the request or the event that is being handled.
    ///
    /// # Errors
    /// If no response arrived; a response of any status counts as one.
    pub async fn fetch(&self, mut request: Request) -> Result<Response, ShardCallError> {
        if let Some(trace) = log::current_trace() {
            trace.write(request.headers_mut());
        }
        self.send(request).await
    }

    /// Sends a request that has its trace.
    pub(super) fn send(
        &self,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        self.namespace.fetch(&self.address, request)
    }

    /// Sends a call to each of several shards as [`fetch`](Self::fetch) does, in the way of their
    /// namespace. Returns nothing for shards of several namespaces.
    pub(crate) fn fetch_each(
        shards: Vec<Self>,
        mut call: EachCall,
    ) -> Option<LocalBoxStream<'static, EachAnswer>> {
        let Some(Self { namespace, .. }) = shards.first() else {
            return Some(stream::empty().boxed_local());
        };
        if shards.iter().any(|shard| !Rc::ptr_eq(&shard.namespace, namespace)) {
            return None;
        }
        if let Some(trace) = log::current_trace() {
            trace.write(&mut call.headers);
        }
        let AskEach(ask) = namespace.ask_each();
        Some(ask(shards, call))
    }

    /// Returns the namespace of the host that the shard is of.
    pub(super) fn as_host(&self) -> Option<&dyn Any> {
        self.namespace.as_host()
    }
}

impl fmt::Debug for ResolvedShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResolvedShard").field(&self.address).finish()
    }
}

/// The reason why a call to a shard got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardCallError {
    /// The shard failed, or could not be reached.
    #[error("shard `{key}` gave no answer")]
    #[non_exhaustive]
    Unavailable {
        /// The shard.
        key: ShardKey,
        /// `true` if the platform reports that the same call may work now.
        retryable: bool,
        /// `true` if the shard is overloaded; a retry would add to its load.
        overloaded: bool,
        /// The platform's error.
        #[source]
        source: Box<dyn Error + 'static>,
    },
    /// The host cannot bind objects to a jurisdiction; it is refused rather than ignored.
    #[error("this host cannot bind objects to the jurisdiction `{}`", .0.as_str())]
    JurisdictionUnsupported(Jurisdiction),
}

impl ShardCallError {
    /// Returns the error for a shard that failed or could not be reached; whether a retry helps is
    /// not known.
    pub fn unavailable(key: ShardKey, source: impl Into<Box<dyn Error + 'static>>) -> Self {
        Self::Unavailable { key, retryable: false, overloaded: false, source: source.into() }
    }

    /// Marks the error as one after which the same call may work now.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        if let Self::Unavailable { retryable, .. } = &mut self {
            *retryable = true;
        }
        self
    }

    /// Marks the shard as overloaded; a retry would add to its load.
    #[must_use]
    pub fn overloaded(mut self) -> Self {
        if let Self::Unavailable { overloaded, .. } = &mut self {
            *overloaded = true;
        }
        self
    }
}

/// Converts into the error that a client sees: `SHARD_UNAVAILABLE`, on which a client may repeat a
/// write that carries an idempotency key.
impl From<ShardCallError> for LunoraError {
    fn from(error: ShardCallError) -> Self {
        let public = match &error {
            ShardCallError::Unavailable { .. } => {
                Self::new(Code::ShardUnavailable, "the shard gave no answer")
            }
            ShardCallError::JurisdictionUnsupported(_) => {
                Self::new(Code::Misconfigured, "shards cannot be placed as configured")
            }
        };
        public.with_source(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::testing::MemoryNamespace;

    fn address(placement: &Placement) -> ShardAddress {
        let namespace: Rc<dyn ShardNamespace> =
            Rc::new(MemoryNamespace::new(async |_, _| Response::empty()));
        resolve_shard(&namespace, "k".parse().unwrap(), placement).address
    }

    #[test]
    fn a_hint_is_never_sent_beside_a_jurisdiction() {
        let hinted = Placement::default().region(|_| Some(LocationHint::Oceania));
        assert_eq!(address(&hinted).location_hint, Some(LocationHint::Oceania));
        let bound = address(&hinted.jurisdiction(Jurisdiction::Eu));
        assert_eq!((bound.jurisdiction, bound.location_hint), (Some(Jurisdiction::Eu), None));
    }
}
