//! References to functions.

use std::{fmt, marker::PhantomData};

/// The kind of a function, as a type.
pub trait Kind: sealed::Sealed + 'static {
    #[doc(hidden)]
    const REPEATS: Repeats;
}

/// How a call of a kind may be sent again.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repeats {
    /// It changes nothing.
    Freely,
    /// By the id under which it is applied once.
    ById,
    Never,
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($(#[$docs:meta])* $name:ident repeats $repeats:ident;)+) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Kind for $name {
            const REPEATS: Repeats = Repeats::$repeats;
        }
    )+};
}

kinds! {
    /// The kind of a query: it reads. A lost answer is asked for again.
    Query repeats Freely;
    /// The kind of a mutation: it writes, in one transaction. A lost answer is asked for again with the same id.
    Mutation repeats ById;
    /// The kind of an action: it may reach other services. It is sent once.
    Action repeats Never;
}

/// A reference to a function: its path, its kind, and the types of its arguments and its result.
///
/// `lunora codegen client --rust <file>` writes one for each function of a deployment.
///
/// ```
/// use lunora_client::{FunctionRef, NoArgs, Query};
///
/// const LIST: FunctionRef<Query, NoArgs, Vec<String>> = FunctionRef::from_static("channels:list");
/// assert_eq!(LIST.path(), "channels:list");
/// ```
pub struct FunctionRef<K, A, R> {
    path: &'static str,
    types: PhantomData<fn(K, A) -> R>,
}

impl<K, A, R> FunctionRef<K, A, R> {
    /// Creates a reference from a literal.
    #[must_use]
    pub const fn from_static(path: &'static str) -> Self {
        Self { path, types: PhantomData }
    }

    /// Returns the path.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }
}

impl<K, A, R> Clone for FunctionRef<K, A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, A, R> Copy for FunctionRef<K, A, R> {}

impl<K, A, R> fmt::Debug for FunctionRef<K, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionRef").field(&self.path).finish()
    }
}

/// What a call takes as its function: a [`FunctionRef`], whose types it has, or a path, with any types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of the kind `{K}` that takes `{A}`",
    note = "call a query by `query`, a mutation by `mutation` and an action by `action`, with the arguments of its `FunctionRef`"
)]
pub trait Function<K, A, R> {
    /// Returns the path.
    fn path(&self) -> &str;
}

impl<K, A, R> Function<K, A, R> for FunctionRef<K, A, R> {
    fn path(&self) -> &str {
        self.path
    }
}

impl<K, A, R> Function<K, A, R> for &str {
    fn path(&self) -> &str {
        self
    }
}

/// The arguments of a function without arguments.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct NoArgs {}
