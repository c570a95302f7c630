//! Reads big integers of the wire into the integers of Rust.

use serde::de::DeserializeOwned;

/// The largest integer that a number of JavaScript holds exactly, 2^53 − 1.
pub(crate) const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// The beginning of a big integer, as its writers leave it.
const BIGINT: &str = r#"["$lunora.wire$","bigint",""#;

/// Reads what a shard wrote, into a type whose integers are those of Rust as well.
///
/// # Errors
/// Those of `serde_json`.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| match plain_integers(text) {
        Some(plain) => serde_json::from_str(&plain).map_err(|_| error),
        None => Err(error),
    })
}

/// Writes the big integers beyond ±(2^53 − 1) of a text as JSON numbers. `None` if there are none.
///
/// The text has no white space, as its writers leave it; a quote inside a string is escaped, so that no string looks
/// like a tag.
pub(crate) fn plain_integers(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BIGINT) {
        let (digits, after) = after.split_once("\"]")?;
        let magnitude = digits.strip_prefix('-').unwrap_or(digits);
        let is_beyond =
            magnitude.parse::<u128>().is_ok_and(|it| it > MAX_SAFE.unsigned_abs().into());
        plain.push_str(before);
        if is_beyond {
            plain.push_str(digits);
        } else {
            plain.extend([BIGINT, digits, "\"]"]);
        }
        rest = after;
    }
    if plain.is_empty() {
        return None;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics_on_any_text(text: String, tail: String) {
            let _ = plain_integers(&text);
            let _ = plain_integers(&format!("{BIGINT}{text}\"]{tail}"));
        }
    }
}
