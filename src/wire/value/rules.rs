//! The rules of the codec, each as a table.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;

/// Returns wire text with `TAG` replaced by the tag.
pub(super) fn wire(text: &str) -> String {
    text.replace("TAG", &format!("{TAG:?}"))
}

pub(super) fn decoded(text: &str) -> Value {
    Value::from_wire(wire(text)).unwrap()
}

fn refusal(text: &str) -> String {
    Value::from_wire(wire(text)).unwrap_err().to_string()
}

/// Reading and writing again gives the same text for each of these.
#[test]
fn every_leaf_has_one_wire_form() {
    for text in [
        "null",
        "true",
        r#""text""#,
        "1.5",
        r#"[TAG,"nan"]"#,
        r#"[TAG,"inf"]"#,
        r#"[TAG,"-inf"]"#,
        r#"[TAG,"undefined"]"#,
        r#"[null,[TAG,"undefined"]]"#,
        r#"[TAG,"bigint","-170141183460469231731687303715884105729"]"#,
        r#"[TAG,"date",-1]"#,
        r#"[TAG,"date",8640000000000000]"#,
        r#"[TAG,"date",[TAG,"nan"]]"#,
        r#"[TAG,"url","https://example.com/a?b=c#d"]"#,
        r#"[TAG,"map",[]]"#,
        r#"[TAG,"map",[[{"a":1},[TAG,"set",[1,"1",[TAG,"bigint","1"]]]],["k",[TAG,"undefined"]]]]"#,
        r#"[TAG,"bytes",""]"#,
        r#"[TAG,"bytes","AP8="]"#,
        r#"[TAG,"bytes","AP8=","ArrayBuffer"]"#,
        r#"[TAG,"bytes","AP8=","Uint16Array"]"#,
        r#"[TAG,"error","TypeError","no",{"code":"E","at":[TAG,"date",0]}]"#,
        r#"[TAG,"error","Error","",{},[TAG,"error","Error","why",{}]]"#,
        r#"[TAG,"error","Error","",{},null]"#,
        r#"[TAG,"arr",[TAG]]"#,
        r#"[TAG,"arr",[TAG,"nan"]]"#,
        r#"[1,TAG,"nan"]"#,
        r#"{"__proto__":{"constructor":null}}"#,
    ] {
        assert_eq!(decoded(text).to_wire().unwrap(), wire(text));
    }
}

#[test]
fn a_value_with_several_forms_is_written_in_one() {
    for (text, written) in [
        ("-0", "0"),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("1E21", "1e+21"),
        ("9007199254740993", "9007199254740992"),
        ("18446744073709551616", "18446744073709552000"),
        (r#""\u00e9\/\u001F\u007f""#, "\"é/\\u001f\u{7f}\""),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"b":1,"7":2}"#, r#"{"b":1,"7":2}"#),
        (r#"{"gone":[TAG,"undefined"],"kept":null}"#, r#"{"kept":null}"#),
        (r#"[TAG,"bigint","-0"]"#, r#"[TAG,"bigint","0"]"#),
        (r#"[TAG,"bigint","0012"]"#, r#"[TAG,"bigint","12"]"#),
        (r#"[TAG,"date",-0.5]"#, r#"[TAG,"date",0]"#),
        (r#"[TAG,"date",1.9]"#, r#"[TAG,"date",1]"#),
        (r#"[TAG,"date",8640000000000001]"#, r#"[TAG,"date",[TAG,"nan"]]"#),
        (r#"[TAG,"date",[TAG,"inf"]]"#, r#"[TAG,"date",[TAG,"nan"]]"#),
        (r#"[TAG,"url","HTTPS://Example.com:443/../a"]"#, r#"[TAG,"url","https://example.com/a"]"#),
        (r#"[TAG,"map",[["k",1],["l",2],["k",3]]]"#, r#"[TAG,"map",[["k",3],["l",2]]]"#),
        (r#"[TAG,"map",[[[TAG,"nan"],1],[[TAG,"nan"],2]]]"#, r#"[TAG,"map",[[[TAG,"nan"],2]]]"#),
        (r#"[TAG,"map",[[[],1],[[],2]]]"#, r#"[TAG,"map",[[[],1],[[],2]]]"#),
        (
            r#"[TAG,"set",[1,[TAG,"bigint","1"],1,0,-0,[TAG,"bigint","01"],{},{}]]"#,
            r#"[TAG,"set",[1,[TAG,"bigint","1"],0,{},{}]]"#,
        ),
        (r#"[TAG,"bytes","AP8=","Uint8Array"]"#, r#"[TAG,"bytes","AP8="]"#),
        (r#"[TAG,"bytes","AP8=","Float16Array"]"#, r#"[TAG,"bytes","AP8="]"#),
        (r#"[TAG,"error","E","m",{"gone":[TAG,"undefined"]}]"#, r#"[TAG,"error","E","m",{}]"#),
        (r#"[TAG,"error","E","m",{},[TAG,"undefined"]]"#, r#"[TAG,"error","E","m",{}]"#),
        (r#"[TAG,"error","E","m",{},null]"#, r#"[TAG,"error","E","m",{},null]"#),
    ] {
        assert_eq!(decoded(text).to_wire().unwrap(), wire(written), "{text}");
    }
}

#[test]
fn an_array_without_a_known_tag_is_an_ordinary_one_and_is_escaped() {
    for (text, written) in [
        ("[TAG]", r#"[TAG,"arr",[TAG]]"#),
        ("[TAG,5]", r#"[TAG,"arr",[TAG,5]]"#),
        (r#"[TAG,"later",[TAG,"nan"]]"#, r#"[TAG,"arr",[TAG,"later",[TAG,"nan"]]]"#),
        (r#"[TAG,"NaN"]"#, r#"[TAG,"arr",[TAG,"NaN"]]"#),
        ("[[TAG],TAG]", r#"[[TAG,"arr",[TAG]],TAG]"#),
    ] {
        let value = decoded(text);
        assert!(value.as_array().is_some(), "{text}");
        assert_eq!(value.to_wire().unwrap(), wire(written));
        assert_eq!(decoded(written).to_wire().unwrap(), wire(written));
    }
}

#[test]
fn elements_after_the_defined_ones_are_ignored() {
    assert_eq!(decoded(r#"[TAG,"bigint","1","later"]"#), BigInt::from(1).into());
    assert_eq!(decoded(r#"[TAG,"undefined",1]"#), Value::Undefined);
}

#[test]
fn refuses_what_is_not_json() {
    for text in
        ["", "{", "[1,]", "nan", "1 2", "'a'", "\u{feff}1", "01", "1e400", r#""\ud800""#, "\"\t\""]
    {
        assert!(matches!(Value::from_wire(text), Err(DecodeError::NotJson(_))), "{text:?}");
    }
    assert!(matches!(Value::from_wire(b"\"\xff\""), Err(DecodeError::NotJson(_))));
}

#[test]
fn a_refusal_names_the_place_and_the_rule() {
    for (text, message) in [
        (
            r#"{"n":[1,[TAG,"bigint","1.5"]]}"#,
            "$.n[1]: a bigint must be decimal digits with an optional minus sign",
        ),
        (
            r#"[TAG,"map",[["k",[TAG,"url","/a"]]]]"#,
            "$<value 0>: the payload of `url` must be an absolute URL",
        ),
        (r#"[TAG,"map",[[[TAG,"set",0],1]]]"#, "$<key 0>: the payload of `set` must be an array"),
        (
            r#"[TAG,"error","E","m",{"p q":[TAG,"date"]}]"#,
            "$[\"p q\"]: the payload of `date` must be a number",
        ),
        (
            r#"[TAG,"error","E","m",{},[TAG,"arr",1]]"#,
            "$<cause>: the payload of `arr` must be an array",
        ),
        (
            r#"[[TAG,"bytes","AAAA","Int16Array"]]"#,
            "$[0]: 3 bytes are not a whole number of Int16Array elements of 2 bytes",
        ),
    ] {
        assert_eq!(refusal(text), message);
    }
}

#[test]
fn refuses_a_payload_of_the_wrong_kind() {
    for text in [
        r#"[TAG,"bigint"]"#,
        r#"[TAG,"bigint",1]"#,
        r#"[TAG,"date"]"#,
        r#"[TAG,"date","0"]"#,
        r#"[TAG,"date",null]"#,
        r#"[TAG,"date",[TAG,"undefined"]]"#,
        r#"[TAG,"date",[TAG,"bigint","0"]]"#,
        r#"[TAG,"url",1]"#,
        r#"[TAG,"url","//example.com"]"#,
        r#"[TAG,"url",""]"#,
        r#"[TAG,"map"]"#,
        r#"[TAG,"map",{}]"#,
        r#"[TAG,"map",[["k"]]]"#,
        r#"[TAG,"map",[["k",1,2]]]"#,
        r#"[TAG,"map",[{}]]"#,
        r#"[TAG,"set",null]"#,
        r#"[TAG,"arr"]"#,
        r#"[TAG,"bytes",null]"#,
        r#"[TAG,"error",null,"m",{}]"#,
        r#"[TAG,"error","E",1,{}]"#,
        r#"[TAG,"error","E","m"]"#,
        r#"[TAG,"error","E","m",null]"#,
        r#"[TAG,"error","E","m",[]]"#,
    ] {
        let refused = Value::from_wire(wire(text));
        let Err(DecodeError::Refused { rule: Rule::Payload { .. }, .. }) = refused else {
            panic!("{text}: {refused:?}")
        };
    }
}

#[test]
fn refuses_base64_that_is_not_canonical() {
    for base64 in [
        "A", "AA", "AA=", "AAA", "AAAAA", "AB==", "AAB=", "AA==AA==", "A A=", "AAA=\\n", "_-8=",
        "====",
    ] {
        let refused = Value::from_wire(wire(&format!(r#"[TAG,"bytes","{base64}"]"#)));
        assert!(refused.is_err(), "{base64}: {refused:?}");
    }
}

#[test]
fn strings_are_escaped_as_javascript_escapes_them() {
    let controls: String = (0..0x20).filter_map(char::from_u32).collect();
    let expected = r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f""#;
    assert_eq!(Value::String(controls).to_wire().unwrap(), expected);
    let plain = "/\u{7f}\u{2028}\u{2029}😀";
    assert_eq!(Value::from(plain).to_wire().unwrap(), format!("\"{plain}\""));
    assert_eq!(Value::from(r#""\"#).to_wire().unwrap(), r#""\"\\""#);
}

#[test]
fn serde_reads_and_writes_the_wire_form_inside_a_message() {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Message {
        args: Value,
    }

    let text = wire(r#"{"args":{"at":[TAG,"date",1],"ids":[TAG,"set",[1,2.5]],"none":null}}"#);
    let message: Message = serde_json::from_str(&text).unwrap();
    assert_eq!(message.args.get("at"), Some(&Date::from_millis(1.0).into()));
    assert_eq!(serde_json::to_string(&message).unwrap(), text);
    assert!(serde_json::from_str::<Message>(&wire(r#"{"args":[TAG,"map",1]}"#)).is_err());
}
