//! The texts of the repository, for the checks over them.

use std::fs;

use anyhow::Result;

use crate::shell::{output, program, root};

/// Returns the files that match one of `patterns`, with their texts: tracked ones and new ones.
pub(crate) fn read(patterns: &[&str]) -> Result<Vec<(String, String)>> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let files = output(program("git").args(list).args(patterns))?;
    let existing = files.lines().filter(|file| root().join(file).exists());
    existing.map(|file| Ok((file.to_owned(), fs::read_to_string(root().join(file))?))).collect()
}

/// Returns what follows `pub fn` on a line, if the line begins a public function.
pub(crate) fn public_function(line: &str) -> Option<&str> {
    let line = line.trim().strip_prefix("pub ")?;
    line.trim_start_matches("const ").trim_start_matches("async ").strip_prefix("fn ")
}
