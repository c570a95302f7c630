//! Problems: the place, the message and the fix.

use std::fmt;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the crate.
    pub file: String,
    /// The line, starting with 1.
    pub line: usize,
}

/// One problem. Its text is one line: the place, the message, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The place.
    pub place: Place,
    /// The message.
    pub message: String,
    /// The fix.
    pub fix: String,
    /// The severity: an error fails a build.
    pub severity: Severity,
}

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A build fails.
    Error,
    /// A build continues.
    Warning,
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>, fix: impl Into<String>) -> Self {
        let (message, fix) = (message.into(), fix.into());
        Self { place, message, fix, severity: Severity::Error }
    }

    pub(crate) fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// Returns whether the problem fails a build.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// Returns the first line of the generated file `file` that differs, where `old` is its text and
    /// `text` what it should be; `None` if they are equal.
    #[must_use]
    pub fn of_difference(file: impl Into<String>, old: &str, text: &str) -> Option<Self> {
        if old == text {
            return None;
        }
        let same = old.lines().zip(text.lines()).take_while(|(old, new)| old == new).count();
        Some(Self { file: file.into(), line: same + 1 })
    }

    /// Returns the place of the byte `offset` of `text`.
    pub(crate) fn of_offset(file: &str, text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        Self { file: file.into(), line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.message, self.fix)
    }
}

impl std::error::Error for Problem {}
