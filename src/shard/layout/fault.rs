//! How a type ends its reading: the error of the probe.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

/// The reason why a type stopped reading.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// The probe saw what it was sent for.
    Seen,
    /// A field is missing.
    Missing(&'static str),
    /// A field comes twice, by two of its names.
    Repeated,
    /// A field is unknown, and the type refuses such fields.
    Unknown,
    /// Anything else, in the words of the type.
    Other(String),
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(message) => f.write_str(message),
            fault => write!(f, "{fault:?}"),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Other(expected.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::Repeated
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }
}
