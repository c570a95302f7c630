//! Who may do what.

use lunora::{access::ShardAccess, prelude::*};

/// `Authorization: Bearer <name>` is that user: an example of entries, not of passwords.
pub async fn identify(request: &Request, _env: &Env) -> Option<Identity> {
    request.bearer().filter(|name| !name.is_empty()).map(Identity::user)
}

/// Returns the caller by name.
pub async fn may_open(access: &ShardAccess) -> bool {
    access.identity.is_some()
}
