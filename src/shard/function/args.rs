//! Typed arguments, and the errors that a client sees for invalid ones.
//!
//! Text is read by serde_json alone. Only after a failure it is read once more, for the place and
//! the reason.

mod fault;
mod fields;
mod found;
mod traced;

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

pub(crate) use self::fields::fields_of;
use self::{
    fault::{Fault, Kind, one_of},
    found::{Found, push_field},
    traced::Traced,
};
use super::super::db::wire_check::{check_args_depth, decode_tags};
use crate::{
    errors::{Code, LunoraError},
    wire::value::{DecodeError, Value, exact::to_json, integers::from_json},
};

type Reader<'a> = serde_json::Deserializer<serde_json::de::StrRead<'a>>;

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
        DecodeError::NotJson(error) => {
            let mut reader = Reader::from_str(args);
            // Values of the wire have a limit of their own, and the text keeps it.
            reader.disable_recursion_limit();
            explain::<serde_json::Value>(args, reader, &error).into_args_error()
        }
        error => LunoraError::new(Code::ValidationError, error.to_string()),
    })?;
    from_json(args)
        .map_err(|error| explain::<T>(args, Reader::from_str(args), &error).into_args_error())
}

/// Refuses a document that is not of its table's type `T`.
pub(crate) fn check_document<T: DeserializeOwned>(json: &str) -> Result<(), Problem> {
    serde_json::from_str::<T>(json)
        .map(drop)
        .map_err(|error| explain::<T>(json, Reader::from_str(json), &error))
}

/// Returns the answer of a function as JSON text in wire form.
pub(crate) fn write_result(result: &impl Serialize) -> Result<String, LunoraError> {
    to_json(result).map_err(|error| {
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
    Problem::expected(path.to_owned(), expected, received).into_args_error()
}

/// What is wrong with JSON: where, and the sentence that follows the place.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: String,
    /// What would be accepted, if that is known.
    pub(crate) expected: Option<String>,
    sentence: String,
}

impl Problem {
    fn expected(path: String, expected: &str, received: &str) -> Self {
        let place = if path.is_empty() { "<root>" } else { &path };
        let sentence = format!("Expected {expected} at {place}, received {received}");
        Self { path, expected: Some(expected.to_owned()), sentence }
    }

    fn into_args_error(self) -> LunoraError {
        let Self { path, sentence, .. } = self;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        LunoraError::new(Code::ValidationError, format!("args{dot}{path}: {sentence}"))
    }

    pub(crate) fn into_document_error(self) -> LunoraError {
        let Self { path, sentence, .. } = self;
        let path = if path.is_empty() { "the document" } else { &path };
        LunoraError::new(Code::ValidationError, format!("{path}: {sentence}"))
    }
}

/// Reads `json` once more, slower, for what is wrong with it as a `T`.
fn explain<T: DeserializeOwned>(
    json: &str,
    mut reader: Reader<'_>,
    error: &serde_json::Error,
) -> Problem {
    let fault = T::deserialize(Traced(&mut reader)).err().unwrap_or_default();
    problem(json, fault, error)
}

fn problem(json: &str, fault: Fault, error: &serde_json::Error) -> Problem {
    if serde_json::from_str::<IgnoredAny>(json).is_err() {
        let (line, column) = (error.line(), error.column());
        let sentence = format!("malformed JSON at line {line}, column {column}");
        return Problem { path: String::new(), expected: None, sentence };
    }
    let Found { mut path, value } = Found::at(json, &fault.steps);
    match fault.kind {
        Kind::Name { .. } if value.is_none() => {
            Problem::expected(path, "names of fields in Unicode text", HALF_PAIR)
        }
        Kind::Name { expected } => {
            let expected = expected.as_deref().unwrap_or("a number");
            let expected = format!("{expected} as the name of the field");
            Problem::expected(path, &expected, "another name")
        }
        _ if !error.is_data() => unreadable(path, value, fault.steps.len()),
        Kind::Missing(field) => {
            push_field(&mut path, field);
            Problem::expected(path, "a value", "undefined")
        }
        Kind::Repeated(field) => {
            push_field(&mut path, field);
            Problem::expected(path, "one value", "several")
        }
        Kind::Unknown { field, known } => {
            push_field(&mut path, &field);
            Problem::expected(path, &one_of(known), "an unknown field")
        }
        Kind::Unexpected { expected, received } => {
            let received = match received {
                Some(seen) if value.is_none_or(|value| seen.kind != json_kind(value)) => {
                    named(seen.kind, seen.literal)
                }
                _ => describe(value, true),
            };
            Problem::expected(path, &expected, &received)
        }
        Kind::Refused(message) => match message.strip_prefix("expected ") {
            Some(expected) => Problem::expected(path, expected, &describe(value, false)),
            None => Problem { path, expected: None, sentence: message },
        },
        Kind::Unreadable => {
            Problem::expected(path, "a value of another type", &describe(value, true))
        }
    }
}

/// Describes JSON that Rust, or the type, cannot hold.
fn unreadable(path: String, value: Option<&str>, depth: usize) -> Problem {
    let (expected, received) = match value.map(json_kind) {
        Some("string") => ("Unicode text", HALF_PAIR),
        Some("number") => ("a finite number", "number out of range"),
        _ if depth + 1 >= MAX_BRACKETS => {
            ("a value of at most 128 nested brackets", "a deeper one")
        }
        Some("array") => ("fewer elements", "array"),
        _ => ("one field", "several"),
    };
    Problem::expected(path, expected, received)
}

const HALF_PAIR: &str = "half of a surrogate pair";

/// The brackets that serde_json opens at once.
const MAX_BRACKETS: usize = 128;

/// Returns the type of JSON by its first byte.
fn json_kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
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
    named(name, literal.filter(|_| literally))
}

fn named(kind: &str, literal: Option<String>) -> String {
    match literal {
        Some(literal) => format!("{kind} {}", literal.chars().take(80).collect::<String>()),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, dead_code, reason = "a test may panic; what is read is not used")]
mod tests;
