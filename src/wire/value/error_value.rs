//! [`ErrorValue`]: a JavaScript `Error` as data.

use super::{Object, Value};

/// A JavaScript `Error` as data. The stack does not cross the wire.
///
/// ```
/// use lunora::wire::value::{ErrorValue, Value};
///
/// let mut error = ErrorValue::new("RangeError", "too far");
/// error.cause = Some(Value::from("limit"));
/// assert_eq!(
///     Value::from(error).to_wire()?,
///     r#"["$lunora.wire$","error","RangeError","too far",{},"limit"]"#,
/// );
/// # Ok::<(), lunora::wire::value::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorValue {
    /// Such as `TypeError`.
    pub name: String,
    /// The message.
    pub message: String,
    /// The properties someone added, such as a `code`.
    pub props: Object,
    /// The cause. `undefined` counts as absent: it is omitted on the wire.
    pub cause: Option<Value>,
}

impl ErrorValue {
    /// Returns an error without properties and without a cause.
    #[must_use]
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), props: Object::new(), cause: None }
    }
}
