//! Sign-in by one-time codes that are sent by e-mail, and sessions as signed cookies.
//!
//! ```no_run
//! use lunora::{prelude::*, sessions::{SessionSecret, Sessions}};
//!
//! fn app(env: &Env) -> Result<Lunora, LunoraError> {
//!     let sessions = Sessions::new(env.d1("DB")?, SessionSecret::from_env(env)?)
//!         .send_code(async |mail, _env| {
//!             // Send `mail.code()` to `mail.address()`.
//! #           let _ = mail;
//!             Ok(())
//!         });
//!     Ok(Lunora::builder()
//!         .shard_do(env.durable_object("SHARD")?)
//!         .sessions(sessions)
//!         .authorize_shard(async |access| access.identity.is_some())
//!         .build())
//! }
//!
//! lunora::serve!(app);
//! # fn main() {}
//! ```
//!
//! [`Builder::sessions`](crate::builder::Builder::sessions) mounts the endpoints under `/api/auth/`
//! (docs/wire.md, "Sign-in"), identifies the caller of every request by the session, and lists users for
//! operators.
//!
//! # What is guarded
//!
//! - A code has six digits and is valid for 10 minutes, for 5 attempts and one sign-in. A newer one
//!   replaces it.
//! - An answer does not tell whether an address has a user. The first sign-in makes the user.
//! - The database holds hashes of codes and tokens. A copy of it, such as a backup, does not let its reader sign in.
//! - A session ends by sign-out, by an operator, and by itself after [`lifetime`](Sessions::lifetime)
//!   without use. A copied cookie ends with it.
//!
//! A live connection keeps the identity with which it was opened until that expires: close it on sign-out.

mod address;
#[cfg(feature = "admin")]
mod admin;
mod code;
mod credential;
mod endpoints;
mod identity;
mod keeper;
mod secret;
mod tables;
#[cfg(all(test, feature = "shard-testing"))]
mod tests;

use std::{fmt, marker::PhantomData, rc::Rc, time::Duration};

pub use self::{
    code::{CodeMail, CodeSender, NoSender, SendCode},
    identity::SessionIdentity,
    secret::SessionSecret,
};
use self::{
    keeper::{Keeper, SendLimit},
    tables::Tables,
};
pub use crate::platform::{DatabaseRows, DatabaseStatement, GlobalDatabase};
use crate::{
    errors::LunoraError,
    pipeline::route::Route,
    platform::{Clock, CloudflareClock, Env, Environment},
};

/// Sign-in and sessions, for [`Builder::sessions`](crate::builder::Builder::sessions).
///
/// `E` is the environment that [`send_code`](Self::send_code) receives; `M` records whether it was called.
#[must_use = "sessions do nothing until `.sessions(..)` of the builder is given them"]
pub struct Sessions<E = Env, M = NoSender> {
    keeper: Keeper,
    sender: M,
    environment: PhantomData<fn(&E)>,
}

impl Sessions {
    /// Keeps users, sessions and codes in `store`, a database of D1: `env.d1("DB")?`. The tables
    /// `lunora_users`, `lunora_sessions`, `lunora_codes` and `lunora_code_limits` are made by the first
    /// request that needs them.
    pub fn new(store: impl GlobalDatabase, secret: SessionSecret) -> Self {
        Self::new_for::<Env>(store, secret)
    }

    /// Does as [`new`](Self::new), for the environment of another platform.
    pub fn new_for<E>(store: impl GlobalDatabase, secret: SessionSecret) -> Sessions<E> {
        let per = Duration::from_mins(15);
        let keeper = Keeper {
            tables: Tables::new(store),
            secret,
            clock: Rc::new(CloudflareClock),
            lifetime: Duration::from_hours(7 * 24),
            per_address: SendLimit { codes: 3, per },
            per_client: SendLimit { codes: 20, per },
        };
        Sessions { keeper, sender: NoSender, environment: PhantomData }
    }
}

impl<E> Sessions<E> {
    /// Sets what sends a code. Required.
    ///
    /// The client waits for it. An error is a 500 that reveals nothing, and is logged: leave the address and
    /// the code out of it.
    pub fn send_code<F>(self, send: F) -> Sessions<E, SendCode<F>>
    where
        F: AsyncFn(CodeMail, &E) -> Result<(), LunoraError> + 'static,
    {
        Sessions { keeper: self.keeper, sender: SendCode(send), environment: PhantomData }
    }
}

impl<E, M> Sessions<E, M> {
    /// Sets how long a session lasts without use. Default: 7 days.
    ///
    /// A session that is older than a day, or than half its lifetime, is renewed when a page asks for it (`get-session`): it gets
    /// another token and the whole time again. The token before is valid for another minute.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.keeper.lifetime = lifetime;
        self
    }

    /// Sets how many codes are sent to one address in a time; at least one. Default: 3 per 15 minutes.
    pub fn limit_per_address(mut self, codes: u32, per: Duration) -> Self {
        self.keeper.per_address = SendLimit { codes: codes.max(1), per };
        self
    }

    /// Sets how many codes one client may ask for in a time; at least one. Default: 20 per 15 minutes.
    ///
    /// A client is known by the address that the platform vouches for; of IPv6 its network of 64 bits
    /// counts. Without such an address there is no limit.
    pub fn limit_per_client(mut self, codes: u32, per: Duration) -> Self {
        self.keeper.per_client = SendLimit { codes: codes.max(1), per };
        self
    }

    /// Sets the clock. Default: the runtime's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.keeper.clock = Rc::new(clock);
        self
    }

    /// Returns the resolver alone, for a Worker that only verifies sessions, and to combine it with others by
    /// [`first_match`](crate::access::first_match).
    #[must_use]
    pub fn identity(&self) -> SessionIdentity {
        SessionIdentity(self.keeper.clone())
    }

    /// Returns the user management for operators.
    #[cfg(feature = "admin")]
    pub(crate) fn admin(&self) -> impl crate::platform::AuthAdmin + use<E, M> {
        admin::SessionAdmin(self.keeper.clone())
    }
}

impl<E: Environment, M: CodeSender<E>> Sessions<E, M> {
    pub(crate) fn into_routes(self) -> Vec<Route<E>> {
        endpoints::routes(self.keeper, self.sender)
    }
}

impl<E, M> fmt::Debug for Sessions<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("lifetime", &self.keeper.lifetime).finish_non_exhaustive()
    }
}
