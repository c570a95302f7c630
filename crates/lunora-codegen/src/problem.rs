//! What is wrong, where, and what to do about it.

use std::fmt;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as a reader of the message knows it: relative to the crate.
    pub file: String,
    /// The line, from 1 on.
    pub line: usize,
}

/// One thing to mend. Its text is one line: the place, what is wrong, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
    /// Whether a build fails by it.
    pub severity: Severity,
}

/// Whether a build fails by a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It fails.
    Error,
    /// It goes on.
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

    /// Returns whether a build fails by it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// The place of the byte `offset` of `text`.
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
