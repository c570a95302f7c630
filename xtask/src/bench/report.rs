//! `BENCHMARKS.md`, one section for each command that writes it.

use std::fs;

use anyhow::Result;

use crate::shell::root;

const INTRODUCTION: &str = "\
# Benchmarks

`cargo xtask bench requests` and `cargo xtask bench shards` write a section each. A run takes minutes, and
absolute figures depend on the machine. Each contender is a bare `workerd serve` in its own process; the load
generator shares the machine. The contenders take turns, round after round. The figures are medians, with the
lowest and highest ratio to (a) of any round in brackets. Latencies and the processor time of the workerd
process are in microseconds.
";

/// The sections, in their order.
const SECTIONS: [&str; 2] = ["Requests", "Shards"];

/// Replaces a section, and leaves the others as they are.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(title: &str, text: &str) -> Result<()> {
    let file = root().join("BENCHMARKS.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    fs::write(&file, replaced(&before, title, text))?;
    println!("\nWritten to BENCHMARKS.md.");
    Ok(())
}

fn replaced(before: &str, title: &str, text: &str) -> String {
    let mut file = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let text = if section == title { Some(text) } else { text_of(before, section) };
        if let Some(text) = text {
            file.push_str(&format!("\n## {section}\n\n{}\n", text.trim()));
        }
    }
    file
}

/// What stands below the heading of a section.
fn text_of<'a>(file: &'a str, section: &str) -> Option<&'a str> {
    let (_, rest) = file.split_once(&format!("\n## {section}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{INTRODUCTION, replaced};

    #[test]
    fn replaces_a_section_and_leaves_the_other() {
        let one = replaced("", "Shards", "| b |\n");
        assert_eq!(one, format!("{INTRODUCTION}\n## Shards\n\n| b |\n"));
        let two = replaced(&one, "Requests", "| a |\n");
        assert_eq!(two, format!("{INTRODUCTION}\n## Requests\n\n| a |\n\n## Shards\n\n| b |\n"));
        assert_eq!(replaced(&two, "Requests", "| a |"), two);
        assert_eq!(replaced(&two, "Shards", "| c |"), two.replace("| b |", "| c |"));
    }
}
