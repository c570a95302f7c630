//! The log lines of a test.

use std::{cell::RefCell, rc::Rc};

type Lines = Rc<RefCell<Vec<String>>>;

thread_local! {
    /// The captures on this thread; the last one gets the lines.
    static CAPTURES: RefCell<Vec<Lines>> = const { RefCell::new(Vec::new()) };
}

/// Captures what the crate logs on this thread, from now until the guard is dropped.
///
/// Without a capture the lines go to standard error. Captures nest: the innermost gets the lines.
/// Each line begins with `error: ` or `warning: `. In wasm nothing is captured.
///
/// ```
/// let logs = lunora::testing::capture_logs();
/// // … call what is under test …
/// assert_eq!(logs.lines(), Vec::<String>::new());
/// ```
pub fn capture_logs() -> CapturedLogs {
    let lines = Lines::default();
    // It fails only while the thread ends, when capturing is over.
    let _ = CAPTURES.try_with(|captures| captures.borrow_mut().push(lines.clone()));
    CapturedLogs { lines }
}

/// The log of one thread, as long as it lives; made by [`capture_logs`].
#[derive(Debug)]
#[must_use = "the capture ends when the guard is dropped"]
pub struct CapturedLogs {
    lines: Lines,
}

impl CapturedLogs {
    /// Returns the lines so far, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

impl Drop for CapturedLogs {
    fn drop(&mut self) {
        let _ = CAPTURES.try_with(|captures| {
            captures.borrow_mut().retain(|lines| !Rc::ptr_eq(lines, &self.lines));
        });
    }
}

/// Takes the line if a test captures; returns it otherwise.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn capture(line: String) -> Result<(), String> {
    let innermost = CAPTURES.try_with(|captures| captures.borrow().last().cloned()).ok().flatten();
    match innermost {
        Some(lines) => {
            lines.borrow_mut().push(line);
            Ok(())
        }
        None => Err(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;

    #[test]
    fn only_the_innermost_capture_gets_a_line() {
        let outer = capture_logs();
        log::error("one");
        {
            let inner = capture_logs();
            log::warn("two");
            assert_eq!(inner.lines(), ["warning: two"]);
        }
        log::error("three");
        assert_eq!(outer.lines(), ["error: one", "error: three"]);
    }

    #[test]
    fn a_line_is_returned_without_a_capture() {
        drop(capture_logs());
        assert_eq!(capture("line".to_owned()), Err("line".to_owned()));
    }
}
