//! Properties that hold for every value and every text.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const URLS: [&str; 4] =
    ["https://example.com/", "mailto:a@example.com", "http://[::1]:8080/?q=%20#f", "data:,x"];

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        any::<u64>().prop_map(f64::from_bits),
        (-1000..1000_i32).prop_map(f64::from)
    ]
}

fn bytes() -> impl Strategy<Value = TypedBytes> {
    let kind = proptest::sample::select(vec![
        "Uint8Array",
        "ArrayBuffer",
        "Int16Array",
        "Float32Array",
        "BigInt64Array",
    ]);
    (kind, 0..4_usize, any::<u8>())
        .prop_map(|(kind, count, fill)| (BytesKind::named(kind), count, fill))
        .prop_map(|(kind, count, fill)| {
            TypedBytes::new(kind, vec![fill; count * kind.element_size()]).unwrap()
        })
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(Value::Undefined),
        any::<bool>().prop_map(Value::from),
        number().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from(TAG)),
        any::<i128>().prop_map(|integer| BigInt::from(integer).into()),
        number().prop_map(|millis| Date::from_millis(millis).into()),
        proptest::sample::select(URLS.to_vec()).prop_map(|url| url.parse::<Url>().unwrap().into()),
        bytes().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 64, 5, |inner| {
        let fields = || vec(("[a-c~😀]{0,2}", inner.clone()), 0..5).prop_map(Object::from_iter);
        let tag =
            prop_oneof![Just("nan"), Just("map"), Just("arr"), Just("later")].prop_map(Value::from);
        let error = ("[A-Z]", any::<String>(), fields(), proptest::option::of(inner.clone()));
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            (tag, vec(inner.clone(), 0..3)).prop_map(|(tag, rest)| [Value::from(TAG), tag]
                .into_iter()
                .chain(rest)
                .collect::<Vec<_>>()
                .into()),
            vec((inner.clone(), inner.clone()), 0..5)
                .prop_map(|entries| Map::from_iter(entries).into()),
            vec(inner.clone(), 0..5).prop_map(|members| Set::from_iter(members).into()),
            fields().prop_map(Value::from),
            error.prop_map(|(name, message, props, cause)| ErrorValue {
                name,
                message,
                props,
                cause
            }
            .into()),
        ]
    })
}

/// Generates JSON in which anything may follow a tag.
fn wire_json() -> impl Strategy<Value = String> {
    const NAMES: [&str; 13] = [
        "arr",
        "bigint",
        "bytes",
        "date",
        "error",
        "inf",
        "map",
        "-inf",
        "nan",
        "set",
        "undefined",
        "url",
        "later",
    ];
    let text = prop_oneof![
        proptest::sample::select(URLS.to_vec()),
        Just("AAAA"),
        Just("12"),
        Just("Int16Array")
    ];
    let leaf = prop_oneof![
        proptest::sample::select(vec!["null", "true", "-0", "1e21", "0.1"]).prop_map(str::to_owned),
        number()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(|number| Value::from(number).to_wire().unwrap()),
        text.prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        let list = || vec(inner.clone(), 0..4).prop_map(|items| items.join(","));
        let pair =
            (inner.clone(), inner.clone()).prop_map(|(key, value)| format!("[{key},{value}]"));
        let field = ("[a-c]", inner.clone()).prop_map(|(key, value)| format!("{key:?}:{value}"));
        let tagged = (proptest::sample::select(NAMES.to_vec()), list());
        prop_oneof![
            list().prop_map(|items| format!("[{items}]")),
            vec(pair, 0..4).prop_map(|pairs| format!("[{TAG:?},\"map\",[{}]]", pairs.join(","))),
            vec(field, 0..4).prop_map(|fields| format!("{{{}}}", fields.join(","))),
            list().prop_map(|items| format!("[{TAG:?},\"set\",[{items}]]")),
            tagged.prop_map(|(name, items)| match items.as_str() {
                "" => format!("[{TAG:?},{name:?}]"),
                items => format!("[{TAG:?},{name:?},{items}]"),
            }),
        ]
    })
}

/// Returns the value as the wire can carry it: without undefined fields and without a sign on zero.
fn carried(value: Value) -> Value {
    let fields = |object: Object| -> Object {
        object
            .into_iter()
            .filter(|(_, value)| !value.is_undefined())
            .map(|(key, value)| (key, carried(value)))
            .collect()
    };
    match value {
        Value::Number(0.0) => Value::Number(0.0),
        Value::Array(items) => items.into_iter().map(carried).collect::<Vec<_>>().into(),
        Value::Set(set) => set.into_iter().map(carried).collect::<Set>().into(),
        Value::Map(map) => map
            .into_iter()
            .map(|(key, value)| (carried(key), carried(value)))
            .collect::<Map>()
            .into(),
        Value::Object(object) => fields(object).into(),
        Value::Error(error) => {
            let ErrorValue { name, message, props, cause } = *error;
            ErrorValue {
                name,
                message,
                props: fields(props),
                cause: cause.filter(|cause| *cause != Value::Undefined).map(carried),
            }
            .into()
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn reading_undoes_writing(value in value()) {
        let read = Value::from_wire(value.to_wire().unwrap()).unwrap();
        // As text, in which NaN equals itself and the sign of a zero shows.
        prop_assert_eq!(format!("{read:?}"), format!("{:?}", carried(value)));
    }

    #[test]
    fn writing_what_was_read_settles_at_once(json in wire_json()) {
        if let Ok(value) = Value::from_wire(&json) {
            let once = value.to_wire().unwrap();
            prop_assert_eq!(Value::from_wire(&once).unwrap().to_wire().unwrap(), once);
        }
    }

    #[test]
    fn the_canonical_text_is_its_own(value in value()) {
        let key = value.stable_wire_key().unwrap();
        prop_assert_eq!(Value::from_wire(&key).unwrap().stable_wire_key().unwrap(), key);
    }

    #[test]
    fn serde_agrees_with_the_text(value in value()) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(Value::from_wire(text).unwrap().to_wire().unwrap(), value.to_wire().unwrap());
    }

    #[test]
    fn numbers_read_back_to_the_bit(number in number()) {
        prop_assume!(number.is_finite());
        let read = Value::from_wire(Value::from(number).stable_wire_key().unwrap()).unwrap().as_f64();
        prop_assert_eq!(read.map(f64::to_bits), Some(number.to_bits()));
    }

    #[test]
    fn strings_pass_unchanged(text in any::<String>()) {
        let json = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(Value::from_wire(&json).unwrap().to_wire().unwrap(), json);
    }

    #[test]
    fn plain_json_passes_unchanged(integer in any::<i32>(), text in any::<String>(), keys in vec("[a-z]{1,3}", 0..6)) {
        let fields: std::collections::BTreeMap<_, _> = keys.into_iter().map(|key| (key, (integer, &text))).collect();
        let json = serde_json::to_string(&[Some(fields), None]).unwrap();
        prop_assert_eq!(Value::from_wire(&json).unwrap().to_wire().unwrap(), json);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..64)) {
        let _ = Value::from_wire(bytes);
    }

    #[test]
    fn any_text_like_json_is_read_or_refused(text in r#"[\[\]{}",:0-9eE+.\\untrue-]{0,40}"#) {
        let _ = Value::from_wire(text);
    }
}
