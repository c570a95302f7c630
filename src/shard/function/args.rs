//! Arguments as types, and what a client is told of those that are not.
//!
//! serde says what was expected and where in the text it stopped. The path is found from there, so
//! that reading arguments costs nothing beyond serde itself.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::super::db::{
    fields::Fields,
    wire_check::{check_args_depth, decode_tags},
};
use crate::{
    errors::{Code, LunoraError},
    wire::value::{DecodeError, Value},
};

/// No arguments; whatever is sent is ignored.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoArgs {}

/// Reads the arguments of a call, whichever way it came.
///
/// Only an object is read: serde would also fill a struct from a list, by position.
pub(crate) fn read_args<T: DeserializeOwned>(args: &str) -> Result<T, LunoraError> {
    if !args.trim_ascii_start().starts_with('{') {
        return Err(LunoraError::bad_request("args must be an object"));
    }
    check_args_depth(args)?;
    decode_tags(args).map_err(|error| match error {
        DecodeError::NotJson(error) => invalid(args, &error),
        error => LunoraError::new(Code::ValidationError, error.to_string()),
    })?;
    serde_json::from_str(args).map_err(|error| invalid(args, &error))
}

/// What is wrong with a document that is not of its table's type.
pub(crate) fn invalid_document(json: &str, error: &serde_json::Error) -> LunoraError {
    let error = invalid(json, error);
    let message = error.message();
    let message = message.strip_prefix("args.").unwrap_or(message).to_owned();
    LunoraError::new(Code::ValidationError, message)
}

/// The answer of a function as JSON text in wire form.
pub(crate) fn write_result(result: &impl Serialize) -> Result<String, LunoraError> {
    serde_json::to_string(result).map_err(|error| {
        LunoraError::new(Code::RpcFailed, "an answer cannot be written as JSON").with_source(error)
    })
}

/// The arguments with which one function calls another.
pub(crate) fn to_text(args: &impl Serialize) -> Result<String, LunoraError> {
    serde_json::to_string(args).map_err(|error| {
        LunoraError::new(Code::RpcFailed, "arguments cannot be written as JSON").with_source(error)
    })
}

/// An argument that has the right type and is still not what the function takes.
///
/// 400 `VALIDATION_ERROR`, in the form of every other such error (contract, section 3.5).
///
/// ```
/// let error = lunora::shard::invalid_argument("text", "1 to 2000 characters", "string");
/// assert_eq!(error.message(), "args.text: Expected 1 to 2000 characters at text, received string");
/// ```
#[must_use]
pub fn invalid_argument(path: &str, expected: &str, received: &str) -> LunoraError {
    let (place, path) = if path.is_empty() {
        ("args".to_owned(), "<root>")
    } else if path.starts_with('[') {
        (format!("args{path}"), path)
    } else {
        (format!("args.{path}"), path)
    };
    let message = format!("{place}: Expected {expected} at {path}, received {received}");
    LunoraError::new(Code::ValidationError, message)
}

/// What is wrong with `args`, by what serde says.
fn invalid(args: &str, error: &serde_json::Error) -> LunoraError {
    let message = error.to_string();
    // serde_json appends the place.
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let offset = offset(args, error.line(), error.column());
    let Found { mut path, value } = find(args, offset);
    // The text is well-formed: what remains is what JSON can write and Rust cannot hold.
    if error.is_syntax() {
        let (expected, received) = match value.and_then(|value| value.bytes().next()) {
            Some(b'"') => ("Unicode text", "half of a surrogate pair"),
            Some(b'-' | b'0'..=b'9') => ("a finite number", "number out of range"),
            _ => ("a value of at most 128 nested brackets", "a deeper one"),
        };
        return invalid_argument(&path, expected, received);
    }
    if between(message, "duplicate field `", "`").is_some() {
        return invalid_argument(&path, "one value", "several");
    }
    if let Some(field) = between(message, "missing field `", "`") {
        push_field(&mut path, field);
        return invalid_argument(&path, "a value", "undefined");
    }
    if let Some((_, expected)) = message.split_once(", expected ") {
        return invalid_argument(&path, expected, &describe(value, true));
    }
    // What a type said that refines another one; its words may follow "Expected". Such an error has
    // no place of its own: it gets that where the reader was when it came out, and for the last
    // value of an object or a list that is the closing bracket.
    let received = push_last(&mut path, value);
    let expected = message.strip_prefix("expected ").unwrap_or(message);
    invalid_argument(&path, expected, &describe(received, false))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.split(end).next()
}

/// Bytes up to a place that serde_json names by line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    before + column
}

/// A value within JSON, and the path that leads to it.
struct Found<'a> {
    path: String,
    value: Option<&'a str>,
}

/// Finds the innermost value that begins or ends where the reader stopped.
fn find(json: &str, offset: usize) -> Found<'_> {
    let mut scanner =
        Scanner { json, at: 0, stop: offset, depth: 0, path: String::new(), found: None };
    scanner.value();
    let value = scanner.found.and_then(|start| {
        let mut reader = serde_json::Deserializer::from_str(json.get(start..)?);
        <&RawValue>::deserialize(&mut reader).ok().map(RawValue::get)
    });
    Found { path: scanner.path, value }
}

/// Walks over JSON that was found to be well-formed, to the value that ends at or after `stop`.
struct Scanner<'a> {
    json: &'a str,
    at: usize,
    stop: usize,
    depth: usize,
    path: String,
    /// Where the value begins that `path` leads to.
    found: Option<usize>,
}

impl Scanner<'_> {
    /// Deeper values are not told apart: serde reads no deeper, and what it skips may be as deep as
    /// it likes.
    const MAX_DEPTH: usize = 128;

    /// Walks over a value; `true` when the reader stopped in it, and `path` leads to it.
    fn value(&mut self) -> bool {
        self.skip_space();
        let start = self.at;
        let stopped = self.stops_within();
        if stopped {
            self.found.get_or_insert(start);
        }
        stopped
    }

    fn stops_within(&mut self) -> bool {
        // A reader stops right behind the bracket whose type is wrong.
        let opening = self.at + 1;
        match self.peek() {
            Some(b'{' | b'[') if opening >= self.stop => true,
            Some(b'{' | b'[') if self.depth >= Self::MAX_DEPTH => {
                self.skip_brackets();
                self.at >= self.stop
            }
            Some(open @ (b'{' | b'[')) => {
                self.depth += 1;
                let found = if open == b'{' { self.fields() } else { self.elements() };
                self.depth -= 1;
                found
            }
            Some(b'"') => {
                self.text();
                self.at >= self.stop
            }
            _ => {
                while self.peek().is_some_and(|byte| !b",]} \t\r\n".contains(&byte)) {
                    self.at += 1;
                }
                self.at >= self.stop
            }
        }
    }

    fn fields(&mut self) -> bool {
        let length = self.path.len();
        self.at += 1;
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.close();
            }
            let start = self.at;
            self.text();
            let name = self.json.get(start..self.at).unwrap_or_default();
            let name: String = serde_json::from_str(name).unwrap_or_default();
            self.skip_space();
            self.at += 1;
            push_field(&mut self.path, &name);
            if self.value() {
                return true;
            }
            self.path.truncate(length);
            self.skip_space();
            if self.peek() != Some(b',') {
                return self.close();
            }
            self.at += 1;
        }
    }

    fn elements(&mut self) -> bool {
        let length = self.path.len();
        self.at += 1;
        let mut index = 0;
        loop {
            self.skip_space();
            if matches!(self.peek(), Some(b']') | None) {
                return self.close();
            }
            self.path.push_str(&format!("[{index}]"));
            if self.value() {
                return true;
            }
            self.path.truncate(length);
            index += 1;
            self.skip_space();
            if self.peek() != Some(b',') {
                return self.close();
            }
            self.at += 1;
        }
    }

    /// Over the closing bracket.
    fn close(&mut self) -> bool {
        self.at += 1;
        self.at >= self.stop || self.at >= self.json.len()
    }

    fn skip_brackets(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.text();
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return;
            }
        }
    }

    fn text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(name.chars().take(80));
}

/// Leads a path on to the last value of an object or a list, and returns that value.
fn push_last<'a>(path: &mut String, json: Option<&'a str>) -> Option<&'a str> {
    let json = json?;
    match json.as_bytes().first() {
        Some(b'{') => {
            let last = Fields::parse(json).and_then(|fields| fields.into_iter().last());
            if let Some((name, value)) = last {
                push_field(path, &name);
                return Some(value);
            }
        }
        Some(b'[') if !matches!(Value::from_wire(json), Ok(Value::Array(_))) => {}
        Some(b'[') => {
            let items: Vec<&'a RawValue> = serde_json::from_str(json).unwrap_or_default();
            if let Some(last) = items.last() {
                path.push_str(&format!("[{}]", items.len() - 1));
                return Some(last.get());
            }
        }
        _ => {}
    }
    Some(json)
}

/// A value as a client is told of it: a short one as it is, the others by their type.
fn describe(json: Option<&str>, literally: bool) -> String {
    let Some(json) = json else { return "undefined".to_owned() };
    let value = Value::from_wire(json).unwrap_or(Value::Undefined);
    let (name, literal) = match &value {
        Value::Null => ("null", None),
        Value::Bool(_) => ("boolean", Some(json.to_owned())),
        Value::Number(_) => ("number", Some(json.to_owned())),
        Value::String(_) => ("string", Some(json.to_owned())),
        Value::BigInt(integer) => ("bigint", Some(format!("{integer}n"))),
        Value::Undefined => ("undefined", None),
        Value::Date(_) => ("date", None),
        Value::Url(_) => ("url", None),
        Value::Map(_) => ("map", None),
        Value::Set(_) => ("set", None),
        Value::Bytes(_) => ("bytes", None),
        Value::Error(_) => ("error", None),
        Value::Array(_) => ("array", None),
        Value::Object(_) => ("object", None),
    };
    match literal.filter(|_| literally) {
        Some(literal) => format!("{name} {}", literal.chars().take(80).collect::<String>()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, dead_code, reason = "a test may panic; what is read is not used")]
mod tests {
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
            (
                r#"{"text":"","count":"7"}"#,
                "args.count: Expected u32 at count, received string \"7\"",
            ),
            (r#"{"text":"","count":-1}"#, "args.count: Expected u32 at count, received number -1"),
            (
                r#"{"text":"","count":1.5}"#,
                "args.count: Expected u32 at count, received number 1.5",
            ),
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
    fn what_comes_after_the_bad_argument_does_not_hide_it() {
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
            for args in
                [format!(r#"{{"text":{deep}}}"#), format!(r#"{{"text":"","skipped":{deep}}}"#)]
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
    fn what_json_can_write_and_no_value_is_has_a_sentence_of_its_own() {
        for (args, expected) in [
            (
                r#"{"text":"a","text":"b"}"#,
                "args.text: Expected one value at text, received several",
            ),
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

    proptest! {
        #[test]
        fn never_panics_wherever_the_reader_stopped(json in ".*", offset in 0usize..64) {
            let _ = find(&json, offset);
            if let Err(error) = serde_json::from_str::<Args>(&json) {
                let _ = invalid(&json, &error);
            }
        }
    }
}
