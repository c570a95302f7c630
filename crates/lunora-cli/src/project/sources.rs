//! `lunora check` and `lunora codegen`: a crate on this machine; no deployment is asked.

use std::path::Path;

use lunora_codegen::{OUTPUT, Problem, manifest};
use serde_json::json;

use crate::{Outcome, output::Output};

/// As it is written into what is generated.
const COMMAND: &str = "lunora codegen";

/// Adds to the wrangler configuration what the code needs, and says what is left to mend by hand.
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

/// Whether `wrangler.jsonc` has what the code needs, and the entry is what `lunora.toml` says.
pub(crate) fn check(dir: &Path, output: &Output) -> Outcome {
    let mut problems = lunora_codegen::wrangler::check_crate(dir).err().unwrap_or_default();
    if dir.join(manifest::FILE).exists() {
        problems.extend(lunora_codegen::check_written(dir).err().unwrap_or_default());
    }
    answer(&problems, "no problems found", output)
}

/// Writes the entry, or only says whether it is what `lunora.toml` says.
pub(crate) fn codegen(dir: &Path, check: bool, output: &Output) -> Outcome {
    let (result, done) = if check {
        (lunora_codegen::check_written(dir), "is up to date")
    } else {
        (lunora_codegen::write_crate(dir, COMMAND).map(drop), "is written")
    };
    answer(&result.err().unwrap_or_default(), &format!("{OUTPUT} {done}"), output)
}

fn answer(problems: &[Problem], fine: &str, output: &Output) -> Outcome {
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
