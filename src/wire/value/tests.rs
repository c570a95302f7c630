//! The rules of the codec, as a table; and what must hold for every value.

use proptest::prelude::*;

use super::*;

fn tag(rest: &str) -> String {
    format!(r#"["{TAG}",{rest}]"#)
}

/// What is read and written again.
fn again(json: &str) -> String {
    encode(&decode(json).unwrap()).unwrap()
}

#[test]
fn plain_json_passes_unchanged() {
    for json in [
        "null",
        "true",
        "0",
        "-1.5",
        "1e+21",
        "1e-7",
        "123456789012345680000",
        r#""é\u0001\n\"\\😀""#,
        "[]",
        "{}",
        r#"{"__proto__":{"a":1},"b":[null,{"c":""}]}"#,
        r#"{"2":1,"1":2}"#,
    ] {
        assert_eq!(again(json), json);
    }
}

#[test]
fn every_leaf_is_written_as_it_is_read() {
    for rest in [
        r#""bigint","-170141183460469231731687303715884105729""#,
        r#""nan""#,
        r#""inf""#,
        r#""-inf""#,
        r#""undefined""#,
        r#""date",1700000000000"#,
        r#""date",["$lunora.wire$","nan"]"#,
        r#""url","https://example.com/a?b#c""#,
        r#""map",[["a",1],[null,["$lunora.wire$","nan"]]]"#,
        r#""set",["a",1,{}]"#,
        r#""bytes","AAEC""#,
        r#""bytes","""#,
        r#""bytes","AAEC","ArrayBuffer""#,
        r#""bytes","AAECAwQFBgc=","Float64Array""#,
        r#""error","TypeError","no",{"code":7}"#,
        r#""error","Error","no",{},["$lunora.wire$","error","Error","why",{}]"#,
        r#""arr",["$lunora.wire$","bigint","1"]"#,
        r#""arr",["$lunora.wire$"]"#,
    ] {
        assert_eq!(again(&tag(rest)), tag(rest));
    }
}

#[test]
fn what_has_another_form_gets_the_one_form() {
    for (read, written) in [
        ("-0".to_owned(), "0".to_owned()),
        ("9007199254740993".to_owned(), "9007199254740992".to_owned()),
        (r#"{"a":1,"b":2,"a":3}"#.to_owned(), r#"{"a":3,"b":2}"#.to_owned()),
        (tag(r#""bigint","-000""#), tag(r#""bigint","0""#)),
        (tag(r#""date",1.9"#), tag(r#""date",1"#)),
        (tag(r#""date",-0.5"#), tag(r#""date",0"#)),
        (tag(r#""date",8640000000000001"#), tag(r#""date",["$lunora.wire$","nan"]"#)),
        (tag(r#""date",["$lunora.wire$","inf"]"#), tag(r#""date",["$lunora.wire$","nan"]"#)),
        (tag(r#""url","HTTPS://Example.com""#), tag(r#""url","https://example.com/""#)),
        (tag(r#""map",[["a",1],["b",2],["a",3]]"#), tag(r#""map",[["a",3],["b",2]]"#)),
        (tag(r#""map",[[0,1],[-0,2],[{},3],[{},4]]"#), tag(r#""map",[[0,2],[{},3],[{},4]]"#)),
        (
            tag(r#""set",[1,["$lunora.wire$","nan"],1,["$lunora.wire$","nan"],"1"]"#),
            tag(r#""set",[1,["$lunora.wire$","nan"],"1"]"#),
        ),
        (tag(r#""bytes","AAEC","Uint8Array""#), tag(r#""bytes","AAEC""#)),
        (tag(r#""bytes","AAEC","NoSuchArray""#), tag(r#""bytes","AAEC""#)),
        (tag(r#""no-such-tag",1"#), tag(r#""arr",["$lunora.wire$","no-such-tag",1]"#)),
        (format!(r#"["{TAG}"]"#), tag(&format!(r#""arr",["{TAG}"]"#))),
        (format!(r#"["{TAG}",7]"#), tag(&format!(r#""arr",["{TAG}",7]"#))),
        (format!(r#"["{TAG}",""]"#), tag(&format!(r#""arr",["{TAG}",""]"#))),
        (r#"{"a":["$lunora.wire$","undefined"],"b":1}"#.to_owned(), r#"{"b":1}"#.to_owned()),
    ] {
        assert_eq!(again(&read), written, "{read}");
    }
}

#[test]
fn refuses_what_is_malformed() {
    for rest in [
        r#""bigint""#,
        r#""bigint",1"#,
        r#""bigint","1.0""#,
        r#""bigint","+1""#,
        r#""bigint","-""#,
        r#""bigint"," 1""#,
        r#""date""#,
        r#""date","1""#,
        r#""date",null"#,
        r#""url","/relative""#,
        r#""url",1"#,
        r#""map",{}"#,
        r#""map",[1]"#,
        r#""map",[[1]]"#,
        r#""map",[[1,2,3]]"#,
        r#""set",{}"#,
        r#""set""#,
        r#""bytes","A""#,
        r#""bytes","AAE""#,
        r#""bytes","AB==""#,
        r#""bytes","AA EC""#,
        r#""bytes",1"#,
        r#""bytes","AAEC",7"#,
        r#""bytes","AAEC","Int16Array""#,
        r#""error","E","m""#,
        r#""error","E","m",null"#,
        r#""error","E",1,{}"#,
        r#""error",null,"m",{}"#,
        r#""arr""#,
        r#""arr",{}"#,
    ] {
        assert!(matches!(decode(&tag(rest)), Err(DecodeError::Malformed { .. })), "{rest}");
    }
    for json in ["", "{", "[1,]", "1 2", "nan", r#""\ud800""#, "1e400"] {
        assert!(matches!(decode(json), Err(DecodeError::Json(_))), "{json}");
    }
    assert!(decode(&tag(&format!(r#""bigint","{}""#, "1".repeat(1024)))).is_ok());
    assert!(decode(&tag(&format!(r#""bigint","{}""#, "1".repeat(1025)))).is_err());
}

#[test]
fn nests_64_deep_and_not_a_level_more() {
    let nested = |open: &str, close: &str, levels: usize| {
        format!("{}0{}", open.repeat(levels), close.repeat(levels))
    };
    let map = r#"["$lunora.wire$","map",[["#;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (map, ",0]]]")] {
        let value = decode(&nested(open, close, 64)).unwrap();
        assert!(encode(&value).is_ok());
        assert!(decode(&nested(open, close, 65)).is_err(), "{open}");
        assert!(encode(&Value::Array(vec![value])).is_err(), "{open}");
    }
    assert!(decode(&"[".repeat(1_000_000)).is_err());
}

#[test]
fn many_keys_take_no_longer_than_they_must() {
    let entries: Vec<String> = (0..100_000).map(|n| format!("[{n},{n}]")).collect();
    let Ok(Value::Map(map)) = decode(&tag(&format!(r#""map",[{}]"#, entries.join(",")))) else {
        unreachable!("it is a map");
    };
    assert_eq!(map.len(), 100_000);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Undefined),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_map(Value::Number),
        ".*".prop_map(Value::String),
        Just(Value::String(TAG.to_owned())),
        any::<i128>().prop_map(|integer| Value::BigInt(integer.into())),
        any::<f64>().prop_map(|ms| Value::Date(Date::from_ms(ms))),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((".{0,5}", inner.clone()), 0..6).prop_map(Value::Object),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..6).prop_map(Value::Map),
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Set),
            (".*", ".*", proptest::option::of(inner)).prop_map(|(name, message, cause)| {
                Value::Error(Box::new(ErrorValue { name, message, properties: Vec::new(), cause }))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_is_written_alike(value in values()) {
        let once = encode(&value).unwrap();
        let twice = again(&once);
        // Reading drops repeated keys and members; from then on nothing changes.
        prop_assert_eq!(again(&twice), twice.clone());
        prop_assert_eq!(stable_wire_key(&decode(&twice).unwrap()).unwrap(), stable_wire_key(&decode(&again(&twice)).unwrap()).unwrap());
    }

    #[test]
    fn a_number_is_written_as_it_was(number in any::<f64>()) {
        let Ok(Value::Number(read)) = decode(&encode(&Value::Number(number)).unwrap()) else {
            unreachable!("it is a number");
        };
        prop_assert!(read == number || (read.is_nan() && number.is_nan()));
    }

    #[test]
    fn never_panics_on_any_text(text in "\\PC*|[\\[\\]{}\",:0-9a-z$.]*") {
        let _ = decode(&text);
        let _ = decode(&tag(&text));
    }
}
