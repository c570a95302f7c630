//! The contract of identities: what an application demands of each.

use crate::{
    errors::{Code, LunoraError},
    wire::Identity,
};

/// What becomes of a caller whose identity breaks the contract of
/// [`Builder::identity_contract`](crate::builder::Builder::identity_contract).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InvalidIdentity {
    /// The request is refused: 401 `UNAUTHORIZED`.
    Refuse,
    /// The caller is anonymous.
    Anonymous,
}

type Check = Box<dyn Fn(&Identity) -> Result<(), LunoraError>>;

/// A contract of identities.
pub(crate) struct IdentityContract {
    invalid: InvalidIdentity,
    check: Check,
}

impl IdentityContract {
    pub(crate) fn new(
        invalid: InvalidIdentity,
        check: impl Fn(&Identity) -> Result<(), LunoraError> + 'static,
    ) -> Self {
        Self { invalid, check: Box::new(check) }
    }

    /// Returns the identity if it keeps the contract.
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED` for another one, unless that makes the caller anonymous.
    pub(crate) fn admit(&self, identity: Identity) -> Result<Option<Identity>, LunoraError> {
        match ((self.check)(&identity), self.invalid) {
            (Ok(()), _) => Ok(Some(identity)),
            (Err(_), InvalidIdentity::Anonymous) => Ok(None),
            (Err(error), InvalidIdentity::Refuse) => {
                Err(LunoraError::new(Code::Unauthorized, "the identity is not valid")
                    .with_source(error))
            }
        }
    }
}
