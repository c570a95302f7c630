//! The caller of a function.

use std::rc::Rc;

use crate::wire::Identity;

/// The caller of a function.
///
/// It is fixed for a whole call, and for a whole live connection.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The identity, as the Worker minted it.
    pub identity: Option<Identity>,
    /// The address.
    pub ip: Option<String>,
    /// `true` for the server itself, which may call internal functions.
    pub system: bool,
}

/// The caller, which an action keeps and a run lends out.
pub(crate) type SharedCaller = Rc<Caller>;
