//! The hooks of an application in the pipeline: small traits, and closures that implement them.

mod access;
mod contract;
mod events;
mod functions;
mod handler;
mod identity;
mod outcome;
mod rate_limit;

#[cfg(feature = "admin")]
pub(crate) use self::access::AdminGateFn;
pub(crate) use self::{
    access::GrantFn,
    contract::IdentityContract,
    events::{EmailFn, EmailHandler, QueueFn, QueueHandler},
    functions::FunctionHost,
    handler::HandlerFn,
    identity::ResolverFn,
};
pub use self::{
    access::{FanOutAccess, FanOutAuthorizer, IntoGrant, ShardAccess, ShardAuthorizer},
    contract::InvalidIdentity,
    functions::Functions,
    handler::{Handler, RouteContext},
    identity::{
        FirstMatch, IdentityResolver, IntoIdentity, PerRoute, first_match, per_route, resolver,
    },
    outcome::IntoOutcome,
    rate_limit::{CallKind, RateLimit, RateLimitedCall},
};
