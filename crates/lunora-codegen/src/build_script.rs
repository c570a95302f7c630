//! The function for a Worker's `build.rs`.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{Problem, generate, manifest, wrangler};

/// Fails the build of a Worker, with every problem, if wrangler's configuration lacks what the code
/// needs, or if a generated entry does not match `lunora.toml`. Prints warnings. If a source is not
/// valid Rust, every problem is a warning, so that the build continues to the error of rustc.
///
/// ```no_run
/// // build.rs
/// fn main() {
///     lunora_codegen::build_script();
/// }
/// ```
///
/// [`wrangler::check_crate`] documents what is checked, and what is not seen.
#[allow(clippy::needless_doctest_main, reason = "it is that of a build script")]
#[allow(clippy::print_stdout, reason = "cargo reads it there")]
pub fn build_script() {
    let dir = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    for path in [wrangler::file_of(&dir), "src", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if dir.join(manifest::FILE).exists() {
        println!("cargo::rerun-if-changed={}", manifest::FILE);
    }
    for problem in problems(&dir) {
        let kind = if problem.is_error() { "error" } else { "warning" };
        println!("cargo::{kind}={}", line(&problem));
    }
}

/// Returns the problems of the crate in `dir`. All of them are warnings if a source cannot be read,
/// since an error would end the build before rustc reports it.
fn problems(dir: &Path) -> Vec<Problem> {
    let (unread, mut problems) = wrangler::check_sources(dir);
    if dir.join(manifest::FILE).exists() {
        problems.extend(generate::check_written(dir).err().unwrap_or_default());
    }
    if unread.is_empty() {
        return problems;
    }
    unread.into_iter().chain(problems).map(Problem::into_warning).collect()
}

/// Returns the problem on one line: text after a line's end would be another instruction to cargo.
fn line(problem: &Problem) -> String {
    problem.to_string().replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Returns the problems of a crate with this `src/lib.rs` and a `src/jobs.rs` that lacks its
    /// trigger.
    fn problems_with(name: &str, code: &str) -> Vec<Problem> {
        let dir = env::temp_dir().join(format!("lunora-codegen-{name}-{}", std::process::id()));
        let files = [
            (wrangler::FILE, "{ \"compatibility_date\": \"2026-04-01\" }"),
            ("src/lib.rs", code),
            ("src/jobs.rs", "const NIGHTLY: C = cron!(\"0 3 * * *\");"),
        ];
        let written = fs::create_dir_all(dir.join("src")).and_then(|()| {
            files.iter().try_for_each(|(file, text)| fs::write(dir.join(file), text))
        });
        assert!(written.is_ok(), "{written:?}");
        let problems = problems(&dir);
        let _ = fs::remove_dir_all(dir);
        problems
    }

    #[test]
    fn leaves_a_syntax_error_to_rustc() {
        let problems = problems_with("broken", "fn f( {");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        assert!(problems[0].to_string().starts_with("src/lib.rs:1: invalid Rust syntax"));
        assert!(problems[1].to_string().starts_with("src/jobs.rs:1: the trigger"));
    }

    #[test]
    fn fails_by_what_is_missing_where_the_sources_are_rust() {
        let problems = problems_with("sound", "mod jobs;");
        assert!(problems.len() == 1 && problems[0].is_error(), "{problems:?}");
    }
}
