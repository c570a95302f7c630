//! References to functions in code.

use super::check_path;

/// A reference to a function in code: [`function!("messages:send")`](crate::function).
///
/// The path is part of the program: client input cannot become one, so that no request chooses
/// which function a handler calls.
///
/// ```
/// use lunora::{function, functions::FunctionRef};
///
/// const SEND: FunctionRef = function!("messages:send");
/// assert_eq!(SEND.path(), "messages:send");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FunctionRef(&'static str);

/// Creates a [`FunctionRef`](crate::functions::FunctionRef) from a literal, checked at compile time.
///
/// ```compile_fail
/// let _ = lunora::function!("send");
/// ```
#[macro_export]
macro_rules! function {
    ($path:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::functions::FunctionRef =
            $crate::functions::FunctionRef::from_static($path);
        CHECKED
    }};
}

impl FunctionRef {
    /// Creates a reference from a literal.
    ///
    /// # Panics
    /// If the text is not a valid function path. Use [`function!`](crate::function), where that is
    /// a compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `function!`, in a const context")]
    pub const fn from_static(path: &'static str) -> Self {
        match check_path(path) {
            Ok(()) => Self(path),
            Err(error) => panic!("{}", error.sentence()),
        }
    }

    /// Returns the path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.0
    }
}
