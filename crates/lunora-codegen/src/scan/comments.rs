//! Comments that add and remove needs. Tokens do not include comments, so the text is read.

use std::collections::BTreeSet;

const IGNORE: &str = "lunora: ignore";
const BINDING: &str = "lunora: binding";

/// The lines of such comments, from 1 on.
#[derive(Default)]
pub(super) struct Comments {
    /// `// lunora: ignore` on its own line, without a token after it so far.
    before: BTreeSet<usize>,
    /// `…; // lunora: ignore`
    behind: BTreeSet<usize>,
    binding: BTreeSet<usize>,
}

impl Comments {
    pub(super) fn of(text: &str) -> Self {
        let mut comments = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let Some((code, comment)) = text.rsplit_once("//") else { continue };
            if says(comment, BINDING) {
                comments.binding.insert(line);
            }
            if says(comment, IGNORE) {
                let lines = match code.trim().is_empty() {
                    true => &mut comments.before,
                    false => &mut comments.behind,
                };
                lines.insert(line);
            }
        }
        comments
    }

    /// Returns whether the item on `line` is the first after a comment that removes its needs.
    pub(super) fn ignore_from(&mut self, line: usize) -> bool {
        let is_next = self.before.first().is_some_and(|comment| *comment < line);
        if is_next {
            self.pass(line);
        }
        is_next
    }

    /// Drops the comments before `line`, which nothing follows.
    pub(super) fn pass(&mut self, line: usize) {
        self.before = self.before.split_off(&line);
    }

    pub(super) fn ignore_on(&self, line: usize) -> bool {
        self.behind.contains(&line)
    }

    /// Returns whether a comment on this line or the one above marks a call as naming a binding.
    pub(super) fn is_binding(&self, line: usize) -> bool {
        self.binding.contains(&line) || self.binding.contains(&line.saturating_sub(1))
    }
}

/// Returns whether a comment is `words`, or begins with them as words. A comment with a quote may be
/// part of a string.
fn says(comment: &str, words: &str) -> bool {
    let rest = comment.trim_start().strip_prefix(words);
    rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric) && !rest.contains('"'))
}
