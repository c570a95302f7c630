//! A cheap check that clients can decode a JSON text.

use memchr::memmem;

use crate::{
    errors::{Code, LunoraError},
    wire::value::{DecodeError, MAX_DEPTH, TAG, Value},
};

/// The levels that an answer puts around a document: a list, a page, and some of the function's.
const LEVELS_AROUND: usize = 8;

/// Refuses a text with tagged values that clients cannot decode.
///
/// A text without a tag has none. One with an escape may hide a tag, and is read as well.
pub(crate) fn check_tags(json: &str) -> Result<(), LunoraError> {
    decode_tags(json).map_err(|error| LunoraError::new(Code::ValidationError, error.to_string()))
}

/// Checks as [`check_tags`] does, with the error of the codec.
pub(crate) fn decode_tags(json: &str) -> Result<(), DecodeError> {
    let bytes = json.as_bytes();
    if memmem::find(bytes, TAG.as_bytes()).is_none() && memmem::find(bytes, b"\\u").is_none() {
        return Ok(());
    }
    Value::from_wire(json).map(drop)
}

/// Refuses a document that no client could decode within an answer.
pub(crate) fn check_stored(json: &str) -> Result<(), LunoraError> {
    if is_deeper(json.as_bytes(), MAX_DEPTH - LEVELS_AROUND) {
        let message = format!(
            "the document is nested too deeply: expected at most {} levels",
            MAX_DEPTH - LEVELS_AROUND
        );
        return Err(LunoraError::new(Code::ValidationError, message));
    }
    check_tags(json)
}

/// The brackets that the deepest value has open at once: an entry of a map is three deep.
const MAX_BRACKETS: usize = 3 * (MAX_DEPTH + 2);

/// Refuses arguments that are nested deeper than any value of the wire, in one pass over the text.
pub(crate) fn check_args_depth(json: &str) -> Result<(), LunoraError> {
    if is_deeper(json.as_bytes(), MAX_BRACKETS) {
        let message = format!("args: nested too deeply: expected at most {MAX_DEPTH} levels");
        return Err(LunoraError::new(Code::ValidationError, message));
    }
    Ok(())
}

/// Returns whether well-formed JSON has more than `limit` brackets open at once.
fn is_deeper(json: &[u8], limit: usize) -> bool {
    if memchr::memchr2_iter(b'{', b'[', json).take(limit + 1).count() <= limit {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_what_no_client_decodes() {
        for json in [
            r#"{"a":["$lunora.wire$","bigint","boom"]}"#,
            r#"{"a":["$lunora.w\u0069re$","bigint","boom"]}"#,
        ] {
            assert!(check_tags(json).is_err(), "{json}");
        }
        for json in [r#"{"a":["$lunora.wire$","bigint","5"]}"#, r#"{"a":"\u00e9"}"#, "{}"] {
            assert!(check_tags(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn brackets_in_texts_do_not_count_as_levels() {
        let flat = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(500));
        assert!(check_stored(&flat).is_ok());
        let wide = format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(500));
        assert!(check_stored(&wide).is_ok());
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(60), "]".repeat(60));
        assert!(check_stored(&deep).is_err());
    }
}
