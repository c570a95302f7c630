//! The canonical text: one for all values that mean the same.

use super::Value;
use super::encode::{EncodeError, Form, write};

impl Value {
    /// Returns the canonical text: wire text with the keys of every object sorted by UTF-16 code
    /// units, and with `-0` kept apart from `0`.
    ///
    /// ```
    /// use lunora::wire::value::Value;
    ///
    /// let a = Value::from_wire(r#"{"page":1,"filter":{"z":null,"a":[2,1]}}"#)?;
    /// let b = Value::from_wire(r#"{"filter":{"a":[2,1],"z":null},"page":1}"#)?;
    /// assert_eq!(a.stable_wire_key()?, r#"{"filter":{"a":[2,1],"z":null},"page":1}"#);
    /// assert_eq!(a.stable_wire_key()?, b.stable_wire_key()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Something lies inside more than [`MAX_DEPTH`](super::MAX_DEPTH) other values.
    pub fn stable_wire_key(&self) -> Result<String, EncodeError> {
        write(self, Form::Canonical)
    }
}

/// Returns the name under which a client and a shard know one subscription.
///
/// ```
/// use lunora::wire::value::{Object, Value, subscription_key};
///
/// let args = Value::from(Object::from([("room", "lobby")]));
/// assert_eq!(subscription_key("chat:list", &args, Some("eu"))?, r#"chat:list::{"room":"lobby"}::eu"#);
/// assert_eq!(subscription_key("chat:list", &args, None)?, r#"chat:list::{"room":"lobby"}::"#);
/// # Ok::<(), lunora::wire::value::EncodeError>(())
/// ```
///
/// # Errors
///
/// Something in `args` lies inside more than [`MAX_DEPTH`](super::MAX_DEPTH) other values.
pub fn subscription_key(
    function_path: &str,
    args: &Value,
    shard_key: Option<&str>,
) -> Result<String, EncodeError> {
    Ok(format!("{function_path}::{}::{}", args.stable_wire_key()?, shard_key.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use crate::wire::value::rules::{decoded, wire};

    #[test]
    fn the_canonical_text_sorts_keys_by_utf16_code_units_at_every_depth() {
        // U+1F600 starts with the code unit D83D, which comes before U+FF5E; as code points they are the other way round.
        let text = r#"{"～":[{"b":1,"a":2}],"😀":[TAG,"map",[[{"z":1,"y":2},-0]]],"":null,"10":0,"9":[TAG,"undefined"]}"#;
        let canonical =
            r#"{"":null,"10":0,"😀":[TAG,"map",[[{"y":2,"z":1},-0]]],"～":[{"a":2,"b":1}]}"#;
        assert_eq!(decoded(text).stable_wire_key().unwrap(), wire(canonical));
    }

    #[test]
    fn the_canonical_text_keeps_the_sign_of_zero() {
        assert_eq!(decoded("[-0,0,-0.0,-1e-400]").stable_wire_key().unwrap(), "[-0,0,-0,-0]");
        assert_eq!(decoded("[-0,0]").to_wire().unwrap(), "[0,0]");
    }
}
