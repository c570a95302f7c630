//! Whole crates, checked as a build script does it.

mod support;

use std::{io, path::PathBuf};

use lunora_codegen::wrangler;
use support::krate;

const WRANGLER: &str = "{ \"compatibility_date\": \"2026-04-01\" }";

fn problems(name: &str, files: &[(&str, &str)]) -> io::Result<Vec<String>> {
    let problems = wrangler::check_crate(&krate(name, files)?).err().unwrap_or_default();
    Ok(problems.iter().map(ToString::to_string).collect())
}

#[test]
fn every_module_is_read_but_those_of_tests() -> io::Result<()> {
    let problems = problems(
        "modules",
        &[
            ("wrangler.jsonc", WRANGLER),
            ("src/lib.rs", "mod a;\n#[cfg(test)]\nmod tests;\n"),
            ("src/tests.rs", "mod deep;\nfn f() { env.bucket(\"IN_TESTS\"); }"),
            ("src/tests/deep.rs", "fn f() { env.bucket(\"DEEP_IN_TESTS\"); }"),
            ("src/a.rs", "mod b;\n#[cfg(all(test, unix))]\nmod tests;"),
            ("src/a/b.rs", "\n\nfn f() { env.kv(\"SETTINGS\"); }"),
            ("src/a/tests.rs", "fn f() { env.kv(\"IN_OTHER_TESTS\"); }"),
        ],
    )?;
    assert_eq!(
        problems,
        ["src/a/b.rs:3: the KV binding `SETTINGS` is not in wrangler.jsonc; \
          add { \"binding\": \"SETTINGS\", … } to `kv_namespaces`"]
    );
    Ok(())
}

#[test]
fn the_shards_that_a_mounted_backend_takes_by_default_are_needed() -> io::Result<()> {
    for (number, (code, needed)) in [
        ("fn f() { resolve_lunora_options(env)?; }", true),
        ("static A: X = lunora::compose::create_lunora_handler(());", true),
        ("fn f() { create_lunora_handler(|env: &Env| options(env)); }", false),
    ]
    .into_iter()
    .enumerate()
    {
        let files = [("wrangler.jsonc", WRANGLER), ("src/lib.rs", code)];
        let problems = problems(&format!("default-{number}"), &files)?;
        let named = problems.iter().any(|problem| problem.contains("binding `SHARD`"));
        assert_eq!(named, needed, "{code}: {problems:?}");
    }
    Ok(())
}

#[test]
fn what_two_places_need_is_named_once() -> io::Result<()> {
    let code = "fn f() { env.d1(\"DB\"); }\nfn g() { env.d1(\"DB\"); }";
    let problems = problems("twice", &[("wrangler.jsonc", WRANGLER), ("src/lib.rs", code)])?;
    assert_eq!(problems.len(), 1, "{problems:?}");
    Ok(())
}

#[test]
fn what_cannot_be_read_is_named_with_all_the_rest() -> io::Result<()> {
    let problems = problems("broken", &[("src/lib.rs", "fn f( {"), ("src/ok.rs", "")])?;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("wrangler.jsonc:1: cannot read the file"), "{problems:?}");
    assert!(problems[1].starts_with("src/lib.rs:1: invalid Rust syntax"), "{problems:?}");
    Ok(())
}

#[test]
fn a_syntax_error_is_named_with_its_line_where_the_parser_tells() -> io::Result<()> {
    let files = [("wrangler.jsonc", WRANGLER), ("src/lib.rs", "fn f() {}\n\nfn g() { \"a\n")];
    let problems = problems("lexed", &files)?;
    assert!(problems.len() == 1 && problems[0].starts_with("src/lib.rs:3: "), "{problems:?}");
    Ok(())
}

#[test]
fn the_workers_of_this_repository_have_what_they_need() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = ["axum", "chat", "framework", "generated", "plain", "ssr"]
        .map(|name| format!("examples/{name}"));
    for dir in
        examples.iter().map(String::as_str).chain(["e2e/drill", "crates/lunora-cli/template/base"])
    {
        assert_eq!(wrangler::check_crate(&root.join(dir)), Ok(()), "{dir}");
    }
}

#[test]
fn the_file_that_wrangler_reads_is_checked() -> io::Result<()> {
    let code = ("src/lib.rs", "fn f() { env.bucket(\"FILES\"); }");
    let toml = ("wrangler.toml", "compatibility_date = \"2026-04-01\"");
    let jsonc = ("wrangler.jsonc", WRANGLER);
    let json = (
        "wrangler.json",
        r#"{ "compatibility_date": "2026-04-01", "r2_buckets": [{ "binding": "FILES" }] }"#,
    );
    let found = problems("toml", &[code, toml])?;
    assert!(found.len() == 1 && found[0].contains("is not in wrangler.toml"), "{found:?}");
    let found = problems("jsonc-and-toml", &[code, toml, jsonc])?;
    assert!(found.len() == 1 && found[0].contains("is not in wrangler.jsonc"), "{found:?}");
    assert_eq!(problems("all-three", &[code, toml, jsonc, json])?, [""; 0]);
    Ok(())
}
