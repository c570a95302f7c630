//! The reason why JSON is not a value of a type, as data.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Why a value is not of its type, and where it is.
#[derive(Debug, Default)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// The position in its object or list of each value that leads to the fault, the innermost
    /// first.
    pub(super) steps: Vec<usize>,
}

/// What is wrong with a value.
#[derive(Debug, Default)]
pub(super) enum Kind {
    /// The text cannot be read: what is wrong is known to the reader alone.
    #[default]
    Unreadable,
    /// The name of a field is not one that the object may have.
    Name {
        /// Absent if it is known to the reader alone.
        expected: Option<String>,
    },
    /// The value is of another type, or not one of those that are accepted.
    Unexpected {
        expected: String,
        /// Absent if it can only be read from the value.
        received: Option<Received>,
    },
    /// The object lacks a field.
    Missing(&'static str),
    /// The object has a field twice.
    Repeated(&'static str),
    /// The object has a field that its type does not know.
    Unknown { field: String, known: &'static [&'static str] },
    /// The type refuses the value, in its own words.
    Refused(String),
}

/// A value as its reader saw it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kind: &'static str,
    pub(super) literal: Option<String>,
}

impl Fault {
    /// Returns the fault of a value that must be `expected`.
    pub(super) fn unexpected(expected: impl Into<String>) -> Self {
        Kind::Unexpected { expected: expected.into(), received: None }.into()
    }

    /// Returns the fault as that of the value at `index` of an object or a list.
    pub(super) fn within(mut self, index: usize) -> Self {
        self.steps.push(index);
        self
    }

    /// Returns the fault as that of the name of the field at `index`.
    pub(super) fn of_name(self, index: usize) -> Self {
        let expected = match self.kind {
            Kind::Unreadable => None,
            Kind::Unexpected { expected, .. } => Some(expected),
            kind => return kind.into(),
        };
        Self::from(Kind::Name { expected }).within(index)
    }
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self { kind, steps: Vec::new() }
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Kind::Refused(message.to_string()).into()
    }

    fn invalid_type(received: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let received = Some(received.into());
        Kind::Unexpected { expected: expected.to_string(), received }.into()
    }

    fn invalid_value(received: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(received, expected)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::unexpected(expected.to_string())
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::invalid_value(Unexpected::Str(variant), &&*one_of(known))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Kind::Unknown { field: field.to_owned(), known }.into()
    }

    fn missing_field(field: &'static str) -> Self {
        Kind::Missing(field).into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        Kind::Repeated(field).into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Fault {}

impl From<Unexpected<'_>> for Received {
    fn from(value: Unexpected<'_>) -> Self {
        let (kind, literal) = match value {
            Unexpected::Bool(value) => ("boolean", Some(value.to_string())),
            Unexpected::Unsigned(value) => ("number", Some(value.to_string())),
            Unexpected::Signed(value) => ("number", Some(value.to_string())),
            Unexpected::Float(value) => ("number", Some(value.to_string())),
            Unexpected::Char(value) => ("string", serde_json::to_string(&value).ok()),
            Unexpected::Str(value) => ("string", serde_json::to_string(value).ok()),
            Unexpected::Bytes(_) => ("string", None),
            Unexpected::Unit | Unexpected::Option => ("null", None),
            Unexpected::Seq => ("array", None),
            Unexpected::Map => ("object", None),
            _ => ("another value", None),
        };
        Self { kind, literal }
    }
}

/// Lists names as a sentence does: `` `a` or `b` ``, ``one of `a`, `b`, `c` ``.
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => format!("`{one}`"),
        [one, other] => format!("`{one}` or `{other}`"),
        names => format!("one of `{}`", names.join("`, `")),
    }
}
