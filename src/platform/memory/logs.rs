//! The log lines of a test.

/// Takes the line when a test captures; hands it back when none does.
pub(crate) fn capture(line: String) -> Result<(), String> {
    Err(line)
}
