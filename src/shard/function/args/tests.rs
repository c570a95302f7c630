use proptest::prelude::*;

use super::*;

#[derive(Debug, Deserialize)]
struct Args {
    text: String,
    count: Option<u32>,
    kind: Option<Kind>,
    place: Option<Place>,
    tags: Option<Vec<Tag>>,
    short: Option<Short>,
    when: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Big,
    Small,
}

#[derive(Debug, Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

#[derive(Debug, Deserialize)]
struct Tag {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Short(String);

impl TryFrom<String> for Short {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() < 4 { Ok(Self(text)) } else { Err("expected at most 3 characters") }
    }
}

#[test]
fn a_bad_argument_is_named_by_its_path() {
    for (args, expected) in [
        (r#"{"text":7}"#, "args.text: Expected a string at text, received number 7"),
        (r#"{"text":null}"#, "args.text: Expected a string at text, received null"),
        (r#"{"text":true}"#, "args.text: Expected a string at text, received boolean true"),
        (r#"{"text":{}}"#, "args.text: Expected a string at text, received object"),
        (r#"{"text":[1]}"#, "args.text: Expected a string at text, received array"),
        (r#"{}"#, "args.text: Expected a value at text, received undefined"),
        (r#"{"text":"","count":"7"}"#, "args.count: Expected u32 at count, received string \"7\""),
        (r#"{"text":"","count":-1}"#, "args.count: Expected u32 at count, received number -1"),
        (r#"{"text":"","count":1.5}"#, "args.count: Expected u32 at count, received number 1.5"),
        (
            r#"{"text":"","count":["$lunora.wire$","bigint","5"]}"#,
            "args.count: Expected u32 at count, received bigint 5n",
        ),
        (
            r#"{"text":"","kind":"huge"}"#,
            "args.kind: Expected `big` or `small` at kind, received string \"huge\"",
        ),
        (
            r#"{"text":"","place":{"x":1,"y":"2"}}"#,
            "args.place.y: Expected f64 at place.y, received string \"2\"",
        ),
        (
            r#"{"text":"","place":{"x":1}}"#,
            "args.place.y: Expected a value at place.y, received undefined",
        ),
        (
            r#"{"text":"","tags":[{"name":"a"},{"name":1}]}"#,
            "args.tags[1].name: Expected a string at tags[1].name, received number 1",
        ),
        (
            r#"{"text":"","tags":[{"name":"a"},{}]}"#,
            "args.tags[1].name: Expected a value at tags[1].name, received undefined",
        ),
        (
            "{\"text\": \"\",\n \"tags\" : [ {\"name\":\"a\"} ,\n 5 ] }",
            "args.tags[1]: Expected struct Tag at tags[1], received number 5",
        ),
        (
            r#"{"text":"","short":"four"}"#,
            "args.short: Expected at most 3 characters at short, received string",
        ),
        (
            r#"{"short":"four","text":""}"#,
            "args.short: Expected at most 3 characters at short, received string",
        ),
    ] {
        let error = read_args::<Args>(args).unwrap_err();
        assert_eq!((error.code(), error.message()), ("VALIDATION_ERROR", expected), "{args}");
    }
}

#[test]
fn text_after_the_bad_argument_does_not_hide_it() {
    let error = read_args::<Args>(r#"{"a":[{}],"text":7,"count":"x"}"#).unwrap_err();
    assert!(error.message().contains("at text, received number 7"), "{}", error.message());
}

#[test]
fn hostile_nesting_in_front_of_a_bad_argument_is_walked_over() {
    let deep = format!("{}0{}", "[{\"a\":".repeat(98), "}]".repeat(98));
    let error = read_args::<Args>(&format!(r#"{{"skipped":{deep},"text":7}}"#)).unwrap_err();
    assert!(error.message().contains("at text, received number 7"), "{}", error.message());
}

#[test]
fn rejects_arguments_nested_deeper_than_any_value() {
    let message = "args: nested too deeply: expected at most 64 levels";
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[[\"\\u0061\",", "]]")] {
        let deep = format!("{}0{}", open.repeat(400_000), close.repeat(400_000));
        for args in [format!(r#"{{"text":{deep}}}"#), format!(r#"{{"text":"","skipped":{deep}}}"#)]
        {
            let error = read_args::<Args>(&args).unwrap_err();
            assert_eq!((error.code(), error.message()), ("VALIDATION_ERROR", message));
        }
    }
}

#[test]
fn accepts_the_deepest_value_of_the_wire() {
    let maps = "[\"$lunora.wire$\",\"map\",[[0,".repeat(62);
    let args = format!(r#"{{"when":{maps}0{},"text":""}}"#, "]]]".repeat(62));
    assert!(check_args_depth(&args).is_ok());
    assert!(decode_tags(&args).is_ok());
}

#[test]
fn a_bad_argument_deep_within_a_recursive_type_is_named_by_its_path() {
    #[derive(Debug, Deserialize)]
    struct Tree {
        tree: Option<Box<Tree>>,
    }

    let steps = 60;
    let args = format!("{}7{}", r#"{"tree":"#.repeat(steps), "}".repeat(steps));
    let error = read_args::<Tree>(&args).unwrap_err();
    let path = vec!["tree"; steps].join(".");
    let expected = format!("args.{path}: Expected struct Tree at {path}, received number 7");
    assert_eq!(error.message(), expected);
}

#[test]
fn an_argument_of_another_tagged_type_is_named_by_its_path() {
    #[derive(Debug, Deserialize)]
    struct Args {
        at: crate::wire::value::Date,
        more: Option<u8>,
    }

    let bigint = r#"["$lunora.wire$","bigint","5"]"#;
    for (value, received) in [("7", "number"), (bigint, "bigint"), ("\"a\"", "string")] {
        let expected = format!("args.at: Expected a date at at, received {received}");
        for args in [format!(r#"{{"at":{value}}}"#), format!(r#"{{"at":{value},"more":1}}"#)] {
            assert_eq!(read_args::<Args>(&args).unwrap_err().message(), expected, "{args}");
        }
    }
    assert!(read_args::<Args>(r#"{"at":["$lunora.wire$","date",5]}"#).is_ok());
}

#[test]
fn json_beyond_any_value_has_its_own_message() {
    for (args, expected) in [
        (r#"{"text":"a","text":"b"}"#, "args.text: Expected one value at text, received several"),
        (
            r#"{"text":"","place":{"x":1,"y":2,"x":3}}"#,
            "args.place.x: Expected one value at place.x, received several",
        ),
        (
            r#"{"text":"","place":{"x":1e400,"y":2}}"#,
            "args.place.x: Expected a finite number at place.x, received number out of range",
        ),
        (
            r#"{"text":"","place":{"x":1,"y":-1e400}}"#,
            "args.place.y: Expected a finite number at place.y, received number out of range",
        ),
        (
            r#"{"text":"a\ud800"}"#,
            "args.text: Expected Unicode text at text, received half of a surrogate pair",
        ),
        (
            r#"{"tags":[{"name":"\udc00b"}],"text":"a"}"#,
            "args.tags[0].name: Expected Unicode text at tags[0].name, received half of a surrogate pair",
        ),
    ] {
        let error = read_args::<Args>(args).unwrap_err();
        assert_eq!((error.code(), error.message()), ("VALIDATION_ERROR", expected), "{args}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Forms {
    #[serde(default)]
    shape: Option<Shape>,
    #[serde(default)]
    pair: Option<(u8, u8)>,
    #[serde(default)]
    counts: std::collections::HashMap<String, u32>,
    #[serde(default)]
    numbered: std::collections::HashMap<u32, bool>,
    #[serde(default)]
    tagged: Option<Tagged>,
    #[serde(default)]
    even: Option<Even>,
    #[serde(default)]
    any: Option<serde_json::Value>,
    #[serde(default)]
    raw: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Debug, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Box { width: f64 },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Point { x: f64 },
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "u32")]
struct Even(u32);

impl TryFrom<u32> for Even {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if number.is_multiple_of(2) { Ok(Self(number)) } else { Err("the number is odd") }
    }
}

#[test]
fn every_kind_of_fault_has_its_own_sentence() {
    let deep = format!(r#"{{"any":{}{}}}"#, "[".repeat(150), "]".repeat(150));
    let deep_path = format!("any{}", "[0]".repeat(126));
    let too_deep = format!(
        "args.{deep_path}: Expected a value of at most 128 nested brackets at {deep_path}, received a deeper one"
    );
    for (args, expected) in [
        (
            r#"{"more":1}"#,
            "args.more: Expected one of `shape`, `pair`, `counts`, `numbered`, `tagged`, `even`, `any`, `raw` at more, received an unknown field",
        ),
        (
            r#"{"shape":"Star"}"#,
            "args.shape: Expected one of `Point`, `Circle`, `Box` at shape, received string \"Star\"",
        ),
        (
            r#"{"shape":{"Circle":"x"}}"#,
            "args.shape.Circle: Expected f64 at shape.Circle, received string \"x\"",
        ),
        (
            r#"{"shape":{"Circle":1e400}}"#,
            "args.shape.Circle: Expected a finite number at shape.Circle, received number out of range",
        ),
        (
            r#"{"shape":{"Box":{}}}"#,
            "args.shape.Box.width: Expected a value at shape.Box.width, received undefined",
        ),
        (
            r#"{"shape":"Circle"}"#,
            "args.shape: Expected an object with the value of the variant at shape, received string \"Circle\"",
        ),
        (
            r#"{"shape":{"Point":1}}"#,
            "args.shape: Expected the name of the variant alone at shape, received object",
        ),
        (
            r#"{"shape":{"Circle":1,"Point":null}}"#,
            "args.shape: Expected one field at shape, received several",
        ),
        (r#"{"pair":[1]}"#, "args.pair: Expected a tuple of size 2 at pair, received array"),
        (r#"{"pair":[1,2,3]}"#, "args.pair: Expected fewer elements at pair, received array"),
        (r#"{"pair":[1,300]}"#, "args.pair[1]: Expected u8 at pair[1], received number 300"),
        (
            r#"{"counts":{"a":1,"a":"x"}}"#,
            "args.counts.a: Expected u32 at counts.a, received string \"x\"",
        ),
        (
            r#"{"numbered":{"x":true}}"#,
            "args.numbered.x: Expected a number as the name of the field at numbered.x, received another name",
        ),
        (
            r#"{"numbered":{"7":1}}"#,
            "args.numbered.7: Expected a boolean at numbered.7, received number 1",
        ),
        (
            r#"{"tagged":{"type":"Point","x":"a"}}"#,
            "args.tagged: Expected f64 at tagged, received string \"a\"",
        ),
        (
            r#"{"tagged":{"type":"Point"}}"#,
            "args.tagged.x: Expected a value at tagged.x, received undefined",
        ),
        (r#"{"even":3}"#, "args.even: the number is odd"),
        (
            r#"{"counts":{"\ud800":1}}"#,
            "args.counts: Expected names of fields in Unicode text at counts, received half of a surrogate pair",
        ),
        (&deep, &too_deep),
        (r#"{"any":tru}"#, "args: malformed JSON at line 1, column 11"),
        (r#"{"any":1} x"#, "args: malformed JSON at line 1, column 11"),
    ] {
        let error = read_args::<Forms>(args).unwrap_err();
        assert_eq!((error.code(), error.message()), ("VALIDATION_ERROR", expected), "{args}");
    }
}

#[test]
fn half_of_a_surrogate_pair_in_a_skipped_argument_is_named_by_its_path() {
    let error = read_args::<Args>(r#"{"text":"a","more":["\ud800"]}"#).unwrap_err();
    let expected =
        "args.more[0]: Expected Unicode text at more[0], received half of a surrogate pair";
    assert_eq!(error.message(), expected);
}

#[test]
fn a_bad_document_is_named_by_its_path_alone() {
    for (document, expected) in [
        (r#"{"x":1}"#, "y: Expected a value at y, received undefined"),
        (r#"{"x":"1","y":2}"#, "x: Expected f64 at x, received string \"1\""),
        (r#"{"x":1,"x":1}"#, "x: Expected one value at x, received several"),
    ] {
        let problem = check_document::<Place>(document).unwrap_err();
        assert_eq!(problem.into_document_error().message(), expected);
    }
}

#[test]
fn rejects_arguments_that_are_not_an_object() {
    for args in [r#"["a",1]"#, " [\"a\"]", "[]", "null", "7", "\"a\"", ""] {
        let error = read_args::<Args>(args).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            ("BAD_REQUEST", "args must be an object"),
            "{args}"
        );
        assert!(read_args::<NoArgs>(args).is_err(), "{args}");
    }
}

#[test]
fn a_long_value_is_cut() {
    let args = format!(r#"{{"text":"","count":"{}"}}"#, "x".repeat(1000));
    assert!(read_args::<Args>(&args).unwrap_err().message().len() < 200);
}

#[test]
fn unknown_arguments_are_dropped() {
    assert!(read_args::<Args>(r#"{"text":"a","more":{"deep":[1,2,3]}}"#).is_ok());
    assert!(read_args::<NoArgs>(r#"{"anything":1}"#).is_ok());
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "true",
        "1",
        "-1",
        "2.5",
        "1e400",
        "300",
        "\"\"",
        "\"a\"",
        "\"\\ud800\"",
        "\"Point\"",
        "[]",
        "{}",
    ]);
    let name = prop::sample::select(vec![
        "shape", "pair", "counts", "numbered", "tagged", "even", "any", "raw", "Circle", "Box",
        "width", "Point", "type", "x", "7", "\\ud800",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, move |value| {
        let list = prop::collection::vec(value.clone(), 0..4);
        let fields = prop::collection::vec((name.clone(), value), 0..4);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(","))),
            fields.prop_map(|fields| {
                let fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics_on_any_text(json in ".*", steps in prop::collection::vec(0usize..4, 0..4)) {
        let _ = Found::at(&json, &steps);
        if let Err(error) = serde_json::from_str::<Args>(&json) {
            let _ = explain::<Args>(&json, Reader::from_str(&json), &error);
        }
    }

    #[test]
    fn the_second_reading_accepts_what_the_first_accepts(json in json()) {
        let first = serde_json::from_str::<Forms>(&json).map(|forms| format!("{forms:?}").len());
        let second = Forms::deserialize(Traced(&mut Reader::from_str(&json)));
        let second = second.map(|forms| format!("{forms:?}").len());
        prop_assert_eq!(first.ok(), second.as_ref().ok().copied());
        if let Err(fault) = second {
            let named = matches!(fault.kind, fault::Kind::Name { .. });
            let value = Found::at(&json, &fault.steps).value;
            prop_assert!(value.is_some() || named, "{}: {:?}", json, fault);
        }
    }
}
