//! That the library's dependency tree stays free of servers and of an async runtime.
//!
//! `worker` depends on tokio for two traits, with no feature on, so that nothing of its runtime is
//! compiled. That much is allowed, there only.

use anyhow::{Result, bail};

use crate::shell::{cargo, output};

const BANNED: [&str; 3] = ["axum", "hyper", "async-std"];

pub(crate) fn check() -> Result<()> {
    let tree = output(&mut cargo([
        "tree",
        "--package",
        "lunora",
        "--edges",
        "normal",
        "--target",
        "wasm32-unknown-unknown",
        "--prefix",
        "depth",
        "--no-dedupe",
        "--format",
        " {p} |{f}",
    ]))?;
    let problems = problems(&tree);
    if !problems.is_empty() {
        bail!(
            "the dependency tree of lunora has what it must not have:\n  {}",
            problems.join("\n  ")
        );
    }
    println!("{} lines of `cargo tree`, all of them allowed", tree.lines().count());
    Ok(())
}

/// What is wrong with a tree whose lines are `<depth> <package> <version> |<features>`.
fn problems(tree: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let mut words = package.split_whitespace();
        let depth = words.next().and_then(|depth| depth.parse().ok()).unwrap_or(0);
        let name = words.next().unwrap_or_default();
        path.truncate(depth);
        let parent = path.last().copied().unwrap_or_default();
        path.push(name);

        let features = features.trim_end_matches("(*)").trim();
        if BANNED.contains(&name) {
            problems.push(format!("{name}, by {}", path.join(" > ")));
        } else if name == "tokio" && parent != "worker" {
            problems.push(format!("tokio, by {}", path.join(" > ")));
        } else if name == "tokio" && !features.is_empty() {
            problems.push(format!(
                "tokio with the features {features}, under worker only its traits may come"
            ));
        }
    }
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    use super::problems;

    #[test]
    fn the_traits_under_worker_are_fine() {
        let tree = "0 lunora v0.1.0 (/somewhere) |default\n1 worker v0.8.7 |\n2 tokio v1.0.0 |\n2 url v2.0.0 |std\n";
        assert_eq!(problems(tree), Vec::<String>::new());
    }

    #[test]
    fn a_runtime_is_found_wherever_it_hides() {
        let tree = "0 lunora v0.1.0 |\n1 worker v0.8.7 |\n2 tokio v1.0.0 |default,rt\n1 sneaky v1.0.0 |\n\
                    2 tokio v1.0.0 |\n2 hyper v1.0.0 |http1\n";
        let problems = problems(tree);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[1].contains("lunora > sneaky > tokio"), "{problems:?}");
    }
}
