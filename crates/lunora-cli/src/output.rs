//! The output of commands, and their questions.

use std::io::{self, BufRead, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// The answer goes to the standard output, as text or as JSON; the rest to the standard error.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the answer of a command.
    pub(crate) fn answer(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let line = if self.json {
            serde_json::to_string(value).unwrap_or_default()
        } else {
            printable(text().trim_end())
        };
        // A reader that has closed the pipe cannot get an error either.
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// Prints what was done, unless the output is JSON.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stdout(), "{}", printable(text));
        }
    }

    /// Prints a note on the standard error.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", printable(text));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.note(&format!("error: {failure}"));
        if let Some(hint) = failure.hint() {
            self.note(&format!("hint: {hint}"));
        }
    }

    /// Asks for confirmation of something that cannot be undone.
    pub(crate) fn confirm(&self, question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::NotConfirmed(format!(
                "{question} No terminal to confirm at: pass --yes"
            )));
        }
        let _ = write!(io::stderr(), "{} [y/N] ", printable(question));
        let _ = io::stderr().flush();
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        if read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::NotConfirmed("nothing was changed".to_owned()))
        }
    }

    /// Returns a bar over so many rows; hidden unless standard error is a terminal.
    pub(crate) fn rows(&self, total: Option<u64>) -> ProgressBar {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{bar:30} {human_pos}/{human_len} rows, {per_sec}, {eta} left {msg}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {human_pos} rows, {per_sec}, {elapsed} {msg}",
            ),
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Returns a spinner, for work of unknown length.
    pub(crate) fn wait(&self, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    }
}

/// Escapes the control characters in a server's text for a terminal.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns lines of aligned columns.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    line(head) + &rows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters() {
        assert_eq!(printable("a\u{1b}[2J\r\u{9b}\nü"), "a\\u{1b}[2J\\r\\u{9b}\nü");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["1".to_owned(), "läng".to_owned()], ["1000".to_owned(), "x".to_owned()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID    NAME\n1     läng\n1000  x\n");
    }
}
