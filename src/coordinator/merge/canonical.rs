//! The canonical text that equal values share (docs/wire.md, "Values").

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::decimal::Decimal;
use crate::sort;

/// The codec's own limit; a value that nests deeper is compared as it was written.
const MAX_DEPTH: usize = 64;

/// Returns the canonical text of a JSON value: object keys sorted by UTF-16 code units at every
/// depth, strings and numbers as JavaScript writes them, no whitespace.
///
/// Numbers keep all their digits: 1 and 1.0 are one value, 2^53 and 2^53 + 1 are two. A string that
/// is not valid UTF-8 is compared as it was written.
pub(super) fn canonical(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    write(json, MAX_DEPTH, &mut text);
    text
}

fn write(json: &str, depth: usize, text: &mut String) {
    let written = match json.as_bytes().first() {
        Some(b'{') if depth > 0 => write_object(json, depth - 1, text),
        Some(b'[') if depth > 0 => write_array(json, depth - 1, text),
        Some(b'"') => write_string(json, text),
        _ => Decimal::parse(json).map(|number| text.push_str(&number.to_string())),
    };
    if written.is_none() {
        text.push_str(json);
    }
}

fn write_object(json: &str, depth: usize, text: &mut String) -> Option<()> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let mut fields: Vec<_> = fields.into_iter().collect();
    sort::sort_by(&mut fields, |(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    text.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(name).unwrap_or_default());
        text.push(':');
        write(value.get(), depth, text);
    }
    text.push('}');
    Some(())
}

fn write_array(json: &str, depth: usize, text: &mut String) -> Option<()> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    text.push('[');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(element.get(), depth, text);
    }
    text.push(']');
    Some(())
}

fn write_string(json: &str, text: &mut String) -> Option<()> {
    let string: String = serde_json::from_str(json).ok()?;
    text.push_str(&serde_json::to_string(&string).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_values_share_one_text() {
        for (json, expected) in [
            (r#"{ "b":1.0, "a":[1e0,  null] }"#, r#"{"a":[1,null],"b":1}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#""\u0061\/\n\u001F\u007f""#, "\"a/\\n\\u001f\u{7f}\""),
            (r#"[true,false,"\ud800"]"#, r#"[true,false,"\ud800"]"#),
            ("9007199254740993", "9007199254740993"),
            ("-0", "-0"),
            ("1e21", "1e+21"),
            // By code points U+FF5E comes first; by UTF-16 code units the emoji does.
            ("{\"\u{ff5e}\":1,\"\u{1f600}\":2}", "{\"\u{1f600}\":2,\"\u{ff5e}\":1}"),
        ] {
            assert_eq!(canonical(json), expected, "{json}");
        }
    }

    #[test]
    fn depth_does_not_exhaust_the_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(canonical(&deep), deep);
    }

    proptest! {
        #[test]
        fn neither_the_order_of_fields_nor_spaces_matter(
            fields in prop::collection::btree_map(".*", any::<f64>().prop_map(|n| serde_json::json!(n).to_string()), 0..6),
        ) {
            let write = |fields: Vec<(&String, &String)>, comma: &str| {
                let fields: Vec<_> = fields.into_iter()
                    .map(|(name, value)| format!("{} : {value}", serde_json::json!(name)))
                    .collect();
                format!("{{{}}}", fields.join(comma))
            };
            let once = canonical(&write(fields.iter().collect(), ","));
            prop_assert_eq!(canonical(&write(fields.iter().rev().collect(), " ,\n")), &*once);
            prop_assert_eq!(canonical(&once), &*once);
        }
    }
}
