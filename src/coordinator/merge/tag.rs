//! Values that JSON cannot represent: arrays that begin with a sentinel (docs/wire.md, "Values").

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::value::TAG;

/// Returns the text between the brackets of a list; `None` if `json` is not an array, or is a
/// tagged value.
pub(super) fn list(json: &str) -> Option<&str> {
    let elements = json.strip_prefix('[')?.strip_suffix(']')?.trim_ascii();
    (!begins_with_sentinel(elements)).then_some(elements)
}

/// Returns the elements of a list, or the value itself as the only one.
pub(super) fn elements(json: &str) -> Vec<&RawValue> {
    let read = match list(json) {
        Some(_) => serde_json::from_str(json),
        None => serde_json::from_str(json).map(|value| vec![value]),
    };
    // `json` was already parsed as JSON, so these cannot fail.
    read.unwrap_or_default()
}

/// Returns the tag and the payload of a tagged value; `None` for any other value.
pub(super) fn read(json: &str) -> Option<(String, Vec<&RawValue>)> {
    let inside = json.strip_prefix('[')?.strip_suffix(']')?.trim_ascii();
    if !begins_with_sentinel(inside) {
        return None;
    }
    let mut payload: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    if payload.len() < 2 {
        return None;
    }
    let tag = serde_json::from_str(payload[1].get()).ok()?;
    payload.drain(..2);
    Some((tag, payload))
}

/// Returns whether the value is `null`, or `undefined` in its tag.
pub(super) fn is_nothing(json: &str) -> bool {
    json == "null" || read(json).is_some_and(|(tag, _)| tag == "undefined")
}

/// Escapes a list whose first element is the sentinel.
pub(super) fn escape(list: String) -> String {
    if begins_with_sentinel(&list[1..]) { format!(r#"["{TAG}","arr",{list}]"#) } else { list }
}

fn begins_with_sentinel(elements: &str) -> bool {
    if !elements.starts_with('"') {
        return false;
    }
    let mut reader = serde_json::Deserializer::from_str(elements);
    String::deserialize(&mut reader).is_ok_and(|first| first == TAG)
}
