//! What an application plugs into the pipeline: small traits, and closures that become them.

mod access;
mod handler;
mod identity;

#[cfg(feature = "admin")]
pub(crate) use self::access::AdminGateFn;
pub(crate) use self::{access::GrantFn, handler::HandlerFn, identity::ResolverFn};
pub use self::{
    access::{FanOutAccess, FanOutAuthorizer, IntoGrant, ShardAccess, ShardAuthorizer},
    handler::{Handler, RouteContext},
    identity::{
        FirstMatch, IdentityResolver, IntoIdentity, PerRoute, first_match, per_route, resolver,
    },
};
