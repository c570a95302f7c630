//! The limits of the codec, at their edges and far beyond.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::rules::wire;
use super::*;

#[test]
fn a_value_may_lie_inside_64_others_and_no_more() {
    for (open, leaf, close) in [
        ("[", "0", "]"),
        ("[", "[]", "]"),
        (r#"{"k":"#, r#"[TAG,"date",[TAG,"nan"]]"#, "}"),
        (r#"[TAG,"arr",["#, r#"[TAG,"map",[]]"#, "]]"),
        (r#"[TAG,"map",[[0,"#, r#"[TAG,"date",[TAG,"nan"]]"#, "]]]"),
        (r#"[TAG,"map",[["#, "0", ",0]]]"),
        (r#"[TAG,"set",["#, "0", "]]"),
        (r#"[TAG,"error","E","m",{"k":"#, "0", "}]"),
        (r#"[TAG,"error","E","m",{},"#, "0", "]"),
        (r#"[TAG,"later","#, "0", "]"),
    ] {
        let deepest = Value::from_wire(nested(64, open, leaf, close)).unwrap();
        let written = deepest.to_wire().unwrap();
        assert_eq!(
            Value::from_wire(written).unwrap().stable_wire_key().unwrap(),
            deepest.stable_wire_key().unwrap()
        );

        let refused = Value::from_wire(nested(65, open, leaf, close));
        assert!(
            matches!(refused, Err(DecodeError::Refused { rule: Rule::Depth, .. })),
            "{open}: {refused:?}"
        );

        let too_deep = Value::Array(vec![deepest]);
        assert!(matches!(too_deep.to_wire(), Err(EncodeError::TooDeep { .. })), "{open}");
        assert!(too_deep.stable_wire_key().is_err() && serde_json::to_string(&too_deep).is_err());
    }
}

#[test]
fn hostile_nesting_is_refused_on_a_small_stack() {
    let hostile = || {
        for (open, close) in
            [("[", "]"), (r#"{"k":"#, "}"), (r#"[TAG,"map",[[0,"#, "]]]"), (r#"[TAG,"date","#, "]")]
        {
            let (closed, unclosed) =
                (nested(200_000, open, "0", close), nested(200_000, open, "", ""));
            for text in
                [closed, unclosed, nested(64, open, "0", close), nested(97, open, "0", close)]
            {
                let _ = Value::from_wire(&text);
                let mut unlimited = serde_json::Deserializer::from_str(&text);
                unlimited.disable_recursion_limit();
                let _ = <Value as serde::Deserialize<'_>>::deserialize(&mut unlimited);
            }
        }
    };
    // A Worker has one mebibyte, and release frames are smaller than these.
    std::thread::Builder::new().stack_size(1 << 20).spawn(hostile).unwrap().join().unwrap();
}

#[test]
fn many_keys_take_no_time_to_merge() {
    // Quadratic merging would make 20 billion comparisons of each of these, some minutes' worth.
    let keys: Vec<String> =
        (0..200_000).map(|key| format!(r#""a long common prefix {key}""#)).collect();
    let numbers: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
    let pairs =
        |keys: &[String]| keys.iter().map(|key| format!("[{key},0]")).collect::<Vec<_>>().join(",");
    let fields = keys.iter().map(|key| format!("{key}:0")).collect::<Vec<_>>().join(",");
    for text in [
        format!("{{{fields},{fields}}}"),
        format!(r#"[TAG,"map",[{0},{0}]]"#, pairs(&keys)),
        format!(r#"[TAG,"map",[{0},{0}]]"#, pairs(&numbers)),
        format!(r#"[TAG,"set",[{0},{0}]]"#, keys.join(",")),
    ] {
        let length = match Value::from_wire(wire(&text)).unwrap() {
            Value::Object(object) => object.len(),
            Value::Map(map) => map.len(),
            Value::Set(set) => set.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(length, 200_000);
    }
}

fn nested(levels: usize, open: &str, leaf: &str, close: &str) -> String {
    wire(&format!("{}{leaf}{}", open.repeat(levels), close.repeat(levels)))
}
