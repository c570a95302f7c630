//! Typed arguments, and the errors that a client sees for invalid ones.
//!
//! serde reports what it expected and where in the text it stopped. The path is found from there,
//! so that reading arguments costs nothing beyond serde itself.

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

/// No arguments; any that are sent are ignored.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoArgs {}

/// Reads the arguments of a call of any kind.
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

/// Returns the error for a document that is not of its table's type.
pub(crate) fn invalid_document(json: &str, error: &serde_json::Error) -> LunoraError {
    let error = invalid(json, error);
    let message = error.message();
    let message = message.strip_prefix("args.").unwrap_or(message).to_owned();
    LunoraError::new(Code::ValidationError, message)
}

/// Returns the answer of a function as JSON text in wire form.
pub(crate) fn write_result(result: &impl Serialize) -> Result<String, LunoraError> {
    serde_json::to_string(result).map_err(|error| {
        LunoraError::new(Code::RpcFailed, "an answer cannot be written as JSON").with_source(error)
    })
}

/// Returns the arguments with which one function calls another.
pub(crate) fn to_text(args: &impl Serialize) -> Result<String, LunoraError> {
    serde_json::to_string(args).map_err(|error| {
        LunoraError::new(Code::RpcFailed, "arguments cannot be written as JSON").with_source(error)
    })
}

/// Returns the error for an argument of the right type that the function does not accept.
///
/// 400 `VALIDATION_ERROR`, in the form of every other such error (docs/wire.md, "Calls in a shard").
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

/// Returns the error for `args`, from the error of serde.
fn invalid(args: &str, error: &serde_json::Error) -> LunoraError {
    let message = error.to_string();
    // serde_json appends the place.
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    let offset = offset(args, error.line(), error.column());
    let Found { mut path, value } = find(args, offset);
    // The text is well-formed: only text that Rust cannot hold remains.
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
    // The message of a type that refines another one; its words may follow "Expected". Such an
    // error has no position of its own: it gets that of the reader when it surfaced, and for the
    // last value of an object or a list that is the closing bracket.
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

/// Walks over well-formed JSON, to the value that ends at or after `stop`.
struct Scanner<'a> {
    json: &'a str,
    at: usize,
    stop: usize,
    depth: usize,
    path: String,
    /// The offset of the value at `path`.
    found: Option<usize>,
}

impl Scanner<'_> {
    /// Deeper values are not distinguished: serde reads no deeper, and skipped values may have any
    /// depth.
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

    /// Moves over the closing bracket.
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

/// Describes a value for a client: a short one as it is, the others by their type.
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
mod tests;
