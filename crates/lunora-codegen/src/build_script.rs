//! What a Worker's `build.rs` calls.

use std::{env, path::PathBuf};

use crate::{Problem, generate, manifest, wrangler};

/// For the `build.rs` of a Worker: the build fails, with every problem, where wrangler's
/// configuration does not have what the code needs, or where a generated entry is not what
/// `lunora.toml` says. A warning is printed.
///
/// ```no_run
/// // build.rs
/// fn main() {
///     lunora_codegen::build_script();
/// }
/// ```
///
/// What is looked for, and what is not seen, is told at [`wrangler::check_crate`].
#[allow(clippy::needless_doctest_main, reason = "it is that of a build script")]
#[allow(clippy::print_stdout, reason = "cargo reads it there")]
pub fn build_script() {
    let dir = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    for path in [wrangler::file_of(&dir), "src", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let mut problems = wrangler::check_crate(&dir).err().unwrap_or_default();
    if dir.join(manifest::FILE).exists() {
        println!("cargo::rerun-if-changed={}", manifest::FILE);
        problems.extend(generate::check_written(&dir).err().unwrap_or_default());
    }
    for problem in problems {
        let kind = if problem.is_error() { "error" } else { "warning" };
        println!("cargo::{kind}={}", line(&problem));
    }
}

/// A line of its own: what stands after a line's end would be another instruction to cargo.
fn line(problem: &Problem) -> String {
    problem.to_string().replace(['\r', '\n'], " ")
}
