//! One text for each value, whatever the order of its keys.

use super::{
    Value,
    encode::{EncodeError, Writer},
};

/// The one text of a value: as [`encode`](super::encode), with the keys of objects sorted by
/// UTF-16 code units at every depth.
///
/// ```
/// use lunora::wire::value::{decode, stable_wire_key};
///
/// assert_eq!(stable_wire_key(&decode(r#"{"b":1,"a":[2e21,-0]}"#)?)?, r#"{"a":[2e+21,-0],"b":1}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the value nests too deep.
pub fn stable_wire_key(value: &Value) -> Result<String, EncodeError> {
    let mut writer = Writer { text: String::new(), canonical: true };
    writer.value(value, 0)?;
    Ok(writer.text)
}

/// What two subscriptions must have in common to be one: `<function>::<arguments>::<shard key>`.
///
/// # Errors
/// When the arguments nest too deep.
pub fn subscription_key(
    function_path: &str,
    args: &Value,
    shard_key: Option<&str>,
) -> Result<String, EncodeError> {
    Ok([function_path, &stable_wire_key(args)?, shard_key.unwrap_or_default()].join("::"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{super::decode, *};

    fn key(json: &str) -> String {
        stable_wire_key(&decode(json).unwrap()).unwrap()
    }

    #[test]
    fn sorts_keys_by_utf_16_code_units_at_every_depth() {
        // U+FF5E sorts after U+1F600 in UTF-16, and before it by code point.
        assert_eq!(
            key(r#"{"～":1,"😀":2,"a":{"z":[],"b":null}}"#),
            r#"{"a":{"b":null,"z":[]},"😀":2,"～":1}"#
        );
    }

    #[test]
    fn keeps_the_order_of_lists_and_drops_undefined_fields() {
        assert_eq!(key(r#"[3,1,{"b":["$lunora.wire$","undefined"],"a":2}]"#), r#"[3,1,{"a":2}]"#);
    }

    #[test]
    fn tells_minus_zero_from_zero() {
        assert_eq!((key("-0"), key("0"), key("-0.0")), ("-0".into(), "0".into(), "-0".into()));
    }

    #[test]
    fn names_a_subscription() {
        let args = decode(r#"{"b":1,"a":2}"#).unwrap();
        assert_eq!(subscription_key("m:list", &args, None).unwrap(), r#"m:list::{"a":2,"b":1}::"#);
        assert_eq!(
            subscription_key("m:list", &args, Some("k")).unwrap(),
            r#"m:list::{"a":2,"b":1}::k"#
        );
    }
}
