//! `lunora check` and `lunora codegen`, for a crate on this machine. Neither contacts a deployment.

use std::path::Path;

use lunora_codegen::{OUTPUT, Problem, manifest};
use serde_json::json;

use crate::{Outcome, output::Output};

/// The command, as the generated entry names it.
const COMMAND: &str = "lunora codegen";

/// Adds to the wrangler configuration what the code needs, and reports what must be fixed by hand.
pub(crate) fn fix(dir: &Path, output: &Output) -> Outcome {
    match lunora_codegen::wrangler::fix_crate(dir) {
        Ok(fixed) => {
            for change in &fixed.changes {
                output.line(&format!("{}: {change}", fixed.file));
            }
            check(dir, output)
        }
        Err(problems) => answer(&problems, "", output),
    }
}

/// Checks that `wrangler.jsonc` has what the code needs, and that the entry matches `lunora.toml`.
pub(crate) fn check(dir: &Path, output: &Output) -> Outcome {
    let mut problems = lunora_codegen::wrangler::check_crate(dir).err().unwrap_or_default();
    if dir.join(manifest::FILE).exists() {
        problems.extend(lunora_codegen::check_written(dir).err().unwrap_or_default());
    }
    answer(&problems, "no problems found", output)
}

/// Writes the entry, or only checks that it matches `lunora.toml`.
pub(crate) fn codegen(dir: &Path, check: bool, output: &Output) -> Outcome {
    let (result, done) = if check {
        (lunora_codegen::check_written(dir), "is up to date")
    } else {
        (lunora_codegen::write_crate(dir, COMMAND).map(drop), "is written")
    };
    answer(&result.err().unwrap_or_default(), &format!("{OUTPUT} {done}"), output)
}

/// Prints problems, or that all is fine.
pub(super) fn answer(problems: &[Problem], fine: &str, output: &Output) -> Outcome {
    let list: Vec<_> = problems
        .iter()
        .map(|problem| {
            let Problem { place, message, fix, .. } = problem;
            let severity = if problem.is_error() { "error" } else { "warning" };
            json!({
                "file": place.file, "line": place.line, "message": message, "fix": fix,
                "severity": severity,
            })
        })
        .collect();
    let is_ok = !problems.iter().any(Problem::is_error);
    output.answer(&json!({ "ok": is_ok, "problems": list }), || {
        let text = |problem: &Problem| match problem.is_error() {
            true => problem.to_string(),
            false => format!("warning: {problem}"),
        };
        let lines: Vec<_> = problems.iter().map(text).collect();
        if lines.is_empty() { fine.to_owned() } else { lines.join("\n") }
    });
    if is_ok { Outcome::Done } else { Outcome::Flawed }
}
