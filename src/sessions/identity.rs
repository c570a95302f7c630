//! The resolver of sessions.

use std::fmt;

use futures::future::LocalBoxFuture;

use super::{
    keeper::Keeper,
    tables::{number, text},
};
use crate::{
    errors::LunoraError, message::Request, pipeline::hooks::IdentityResolver, wire::Identity,
};

/// Identifies a caller by the session: the cookie, or the bearer `<token>.<signature>`.
///
/// The identity is the user's id, with the claims `email`, `name` and `sessionId`, and expires with the
/// session. A forged cookie, or one whose session has ended, is an anonymous caller: a browser sends it by
/// itself, and the page must be able to sign in again. A bearer of that kind is refused with 401
/// `UNAUTHORIZED`. A bearer of another form is left to other resolvers. A forged credential asks no
/// database.
#[derive(Clone)]
pub struct SessionIdentity(pub(super) Keeper);

impl<E: 'static> IdentityResolver<E> for SessionIdentity {
    fn resolve<'a>(
        &'a self,
        request: &'a Request,
        _env: &'a E,
    ) -> LocalBoxFuture<'a, Result<Option<Identity>, LunoraError>> {
        Box::pin(async move {
            let row = self.0.find(request).await?;
            Ok(row.map(|row| {
                Identity::user(text(&row, "user_id"))
                    .with_claim("email", text(&row, "email"))
                    .with_claim("name", text(&row, "name"))
                    .with_claim("sessionId", text(&row, "id"))
                    .expires_at_ms(i64::try_from(number(&row, "expires_at")).unwrap_or(i64::MAX))
            }))
        })
    }
}

impl fmt::Debug for SessionIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionIdentity(..)")
    }
}
