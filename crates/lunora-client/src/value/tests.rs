use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Counts {
    id: u64,
    by: BTreeMap<u64, i64>,
    last: Option<i128>,
    share: f64,
    kind: Kind,
    within: Within,
    any: Any,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Kind {
    None,
    Of(u64),
    Pair(i64, u64),
    Named { n: u64 },
}

/// serde buffers what is in such an enum, without knowing its types.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind")]
enum Within {
    A { n: u64 },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Any {
    Number(i64),
    Text(String),
}

#[test]
fn reads_every_tagged_value_and_writes_it_again() -> Result<(), serde_json::Error> {
    for text in [
        r#"[TAG,"bigint","-9007199254740993"]"#,
        r#"[TAG,"nan"]"#,
        r#"[[TAG,"inf"],[TAG,"-inf"],1,0.5]"#,
        r#"[TAG,"undefined"]"#,
        r#"[TAG,"date",-1]"#,
        r#"[TAG,"date",[TAG,"nan"]]"#,
        r#"[TAG,"url","https://example.com/"]"#,
        r#"[TAG,"map",[["k",[TAG,"set",[1,"a"]]]]]"#,
        r#"[TAG,"bytes","AP8="]"#,
        r#"[TAG,"bytes","AP8=","Int8Array"]"#,
        r#"[TAG,"error","E","m",{"code":1},null]"#,
        r#"[TAG,"arr",[TAG,"date",0]]"#,
        r#"{"a":[null,true,"b"]}"#,
    ] {
        let text = text.replace("TAG", &format!("\"{TAG}\""));
        let value: Value = from_wire(&text)?;
        assert_eq!(to_wire(&value)?, text);
        assert_eq!(serde_json::to_string(&value)?, text);
    }
    Ok(())
}

#[test]
fn an_unknown_tag_is_an_ordinary_array() -> Result<(), serde_json::Error> {
    let value: Value = serde_json::from_value(json!([TAG, "later", 1]))?;
    assert!(matches!(&value, Value::Array(items) if items.len() == 3));
    assert_eq!(to_wire(&value)?, json!([TAG, "arr", [TAG, "later", 1]]).to_string());
    Ok(())
}

#[test]
fn rejects_an_invalid_payload() {
    for payload in [
        json!(["bigint", "1.5"]),
        json!(["bigint", 1]),
        json!(["date", "today"]),
        json!(["bytes", "A"]),
        json!(["map", [[1]]]),
        json!(["error", "E"]),
    ] {
        let mut items = vec![json!(TAG)];
        items.extend(payload.as_array().into_iter().flatten().cloned());
        assert!(serde_json::from_value::<Value>(items.into()).is_err(), "{payload}");
    }
}

#[test]
fn a_value_of_another_tag_is_no_date() {
    assert!(from_wire::<Date>(r#"["$lunora.wire$","url","https://example.com/"]"#).is_err());
    assert!(from_wire::<Date>("1").is_err());
}

#[test]
fn a_field_that_is_undefined_is_absent() -> Result<(), serde_json::Error> {
    let value = Value::Object([("a".to_owned(), Value::Undefined)].into());
    assert_eq!(to_wire(&value)?, "{}");
    let read: Option<u32> = from_wire(r#"["$lunora.wire$","undefined"]"#)?;
    assert_eq!(read, None);
    Ok(())
}

#[test]
fn a_number_beyond_its_type_is_an_error() {
    assert!(from_wire::<u32>(r#"["$lunora.wire$","bigint","9007199254740993"]"#).is_err());
    assert!(from_wire::<u64>(r#"["$lunora.wire$","bigint","-9007199254740993"]"#).is_err());
}

#[test]
fn reads_a_type_of_an_element_that_looks_like_a_number() -> Result<(), serde_json::Error> {
    let text = r#"["$lunora.wire$","bigint","9007199254740993"]"#;
    let read: [String; 3] = from_wire(text)?;
    assert_eq!(read[2], "9007199254740993");
    Ok(())
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>()
            .prop_filter("NaN differs from itself", |it| !it.is_nan())
            .prop_map(Value::Number),
        any::<i128>().prop_map(|it| Value::BigInt(it.into())),
        any::<String>().prop_map(Value::String),
        Just(Value::from(TAG)),
        (-8.64e15..8.64e15).prop_map(|it| Value::Date(Date::from_millis(it))),
        any::<Vec<u8>>().prop_map(|it| Value::TypedBytes(it.into())),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner.clone(), 0..4)
                .prop_map(Value::Object),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|it| Value::Set(Set(it))),
            prop::collection::vec((inner.clone(), inner), 0..4).prop_map(|it| Value::Map(Map(it))),
        ]
    })
}

proptest! {
    #[test]
    fn reading_a_value_undoes_writing_it(value in value()) {
        let text = to_wire(&value)?;
        prop_assert_eq!(from_wire::<Value>(&text)?, value);
    }

    #[test]
    fn reading_a_type_undoes_writing_it(
        id: u64, by: BTreeMap<u64, i64>, last: Option<i128>, n: u64, share in any::<f64>(), kind in 0..4, text: Option<String>,
    ) {
        let kind = match kind {
            0 => Kind::None,
            1 => Kind::Of(n),
            2 => Kind::Pair(-i64::try_from(n / 2)?, n),
            _ => Kind::Named { n },
        };
        let any = text.map_or(Any::Number(-i64::try_from(n / 2)?), Any::Text);
        let counts = Counts { id, by, last, share, kind, within: Within::A { n: 1 }, any: Any::Number(1) };
        let text = to_wire(&counts)?;
        let read = from_wire::<Counts>(&text)?;
        prop_assert!(read == counts || share.is_nan(), "{text}");
        // The fallback knows integers, not NaN.
        let pair = (Within::A { n }, any);
        prop_assert_eq!(from_wire::<(Within, Any)>(&to_wire(&pair)?)?, pair);
    }

    #[test]
    fn never_panics_on_any_text(text: String) {
        let _ = from_wire::<Value>(&text);
        let _ = from_wire::<Counts>(&text);
    }
}
