//! Which code has needs, and which has none.

use std::{fs, io, path::PathBuf};

use lunora_codegen::wrangler;

/// A crate of these files, with a `wrangler.jsonc` that has nothing.
fn problems(name: &str, files: &[(&str, &str)]) -> io::Result<Vec<String>> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    let file = ("wrangler.jsonc", "{ \"compatibility_date\": \"2026-04-01\" }");
    for (path, text) in files.iter().chain([&file]) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&dir))?;
        fs::write(path, text)?;
    }
    let problems = wrangler::check_crate(&dir).err().unwrap_or_default();
    Ok(problems.iter().map(ToString::to_string).collect())
}

/// Asserts which bindings the code of a `src/lib.rs` needs, all of them named with `NEEDED`.
fn assert_needs(name: &str, codes: &[&str], needed: bool) -> io::Result<()> {
    for (number, code) in codes.iter().enumerate() {
        let found = problems(&format!("{name}-{number}"), &[("src/lib.rs", code)])?;
        assert_eq!(found.len(), usize::from(needed), "{code}: {found:?}");
    }
    Ok(())
}

#[test]
fn reads_no_need_off_the_methods_of_other_types() -> io::Result<()> {
    let codes = [
        r#"fn f() { s3.put_object().bucket("x").send(); }"#,
        r#"fn f() { client.queue("jobs"); }"#,
        r#"fn f() { Producer::builder().queue("jobs").build()?; }"#,
        r#"fn f() { self.bucket("x"); Mail::new()?.service("smtp"); }"#,
        r#"fn f() { let s3 = Client::from(&env); s3.bucket("x"); }"#,
        r#"fn f() { Client::from(env).bucket("x"); }"#,
        r#"fn f() { environment_of(x)[0].bucket("x"); vec![env].bucket("x"); }"#,
    ];
    assert_needs("others", &codes, false)
}

#[test]
fn reads_needs_off_the_environment_however_it_is_reached() -> io::Result<()> {
    let codes = [
        r#"fn f() { env.bucket("NEEDED"); }"#,
        r#"fn f() { self.env.bucket("NEEDED")?; }"#,
        r#"fn f() { ctx.env().bucket("NEEDED"); }"#,
        r#"fn f() { ctx.env()?.clone().queue("NEEDED"); }"#,
        r#"fn f() { (&env).bucket("NEEDED"); }"#,
        r#"fn f() { worker_env.bucket("NEEDED"); }"#,
        r#"fn f(bindings: &worker::Env) { bindings.bucket("NEEDED"); }"#,
        r#"fn f(e: Env) { e.service("NEEDED"); }"#,
        r#"struct A<'a> { of: &'a mut Env } fn f() { self.of.bucket("NEEDED"); }"#,
        r#"struct A { shared: Rc<Env> } fn f() { self.shared.bucket("NEEDED"); }"#,
        r#"fn f() { let e = &self.env; e.bucket("NEEDED"); }"#,
        r#"fn f() { let mut e = env.clone(); e.bucket("NEEDED"); }"#,
        r#"fn f() { router.get_async("/", |_, ctx| async move { ctx.kv("NEEDED") }); }"#,
        r#"macro_rules! m { ($env:ident) => { $env.bucket("NEEDED") } }"#,
    ];
    assert_needs("environment", &codes, true)
}

#[test]
fn reads_no_need_off_tests_whatever_their_attribute() -> io::Result<()> {
    let body = r#"env.bucket("x");"#;
    let codes = [
        format!("#[tokio::test] async fn t() {{ {body} }}"),
        format!("#[tokio::test(flavor = \"current_thread\")] async fn t() {{ {body} }}"),
        format!("#[wasm_bindgen_test] fn t() {{ {body} }}"),
        format!("#[rstest] #[case(1)] fn t(#[case] a: u8) {{ {body} }}"),
        format!("#[bench] fn t() {{ {body} }}"),
        format!("#[cfg(any(test, feature = \"testing\"))] mod t {{ fn t() {{ {body} }} }}"),
        format!("#[cfg(any(feature = \"testing\", test))] pub(crate) fn t() {{ {body} }}"),
        format!("#[cfg(all(unix, any(test, doctest)))] fn t() {{ {body} }}"),
        format!("mod t {{ #![cfg(test)] fn t() {{ {body} }} }}"),
        format!("#![cfg(test)]\nfn t() {{ {body} }}"),
        "fn f() { #[cfg(test)] let b = match a { _ => 1 } + env.bucket(\"x\"); }".to_owned(),
    ];
    assert_needs("of-tests", &codes.each_ref().map(String::as_str), false)?;
    let codes = [
        format!("#[cfg(not(test))] fn f() {{ {body} }}"),
        format!("#[cfg(all(unix, not(any(test, doctest))))] fn f() {{ {body} }}"),
        format!("#[cfg(feature = \"test\")] fn f() {{ {body} }}"),
        format!("#[cfg_attr(test, allow(unused))] fn f() {{ {body} }}"),
        format!("#[tokio::test] async fn t() {{}} fn f() {{ {body} }}"),
        format!("struct A {{ #[cfg(test)] a: u8, b: B }} fn f() {{ {body} }}"),
        format!("fn f() {{ call(A {{ #[cfg(test)] a: 1, b: {} }}) }}", body.trim_end_matches(';')),
    ];
    assert_needs("of-the-worker", &codes.each_ref().map(String::as_str), true)
}

#[test]
fn reads_no_need_off_other_programs_and_test_files() -> io::Result<()> {
    let code = "fn main() { env.bucket(\"x\"); }";
    let found = problems(
        "programs",
        &[
            ("src/lib.rs", "#[cfg(test)]\n#[path = \"checks/all.rs\"]\nmod tests;"),
            ("src/main.rs", code),
            ("src/bin/seed.rs", code),
            ("src/bin/tool/main.rs", code),
            ("src/checks/all.rs", code),
        ],
    )?;
    assert_eq!(found, [""; 0]);
    let found = problems("main-alone", &[("src/main.rs", code)])?;
    assert_eq!(found.len(), 1, "{found:?}");
    Ok(())
}

#[test]
fn a_comment_takes_the_needs_of_what_follows_away() -> io::Result<()> {
    let codes = [
        "fn f() {\n // lunora: ignore\n env.bucket(\"x\");\n}",
        "fn f() {\n // lunora: ignore, it is bound in the dashboard\n env\n .bucket(\"x\");\n}",
        "fn f() {\n env.bucket(\"x\"); // lunora: ignore\n}",
        "fn f() {\n env\n // lunora: ignore\n .bucket(\"x\");\n}",
        "// lunora: ignore\npub fn f<A, B>() { env.bucket(\"x\"); env.kv(\"y\"); }",
        "// lunora: ignore\n/// Words.\n#[inline]\nmod a { fn f() { env.bucket(\"x\"); } }",
        "// lunora: ignore\nconst A: C = cron!(\"0 3 * * *\");",
        "// lunora: ignore\nlunora::shard! { struct Room; functions: {} }",
        "fn f() {\n // lunora: ignore\n let x: A<B, C> = if a { env.kv(\"x\") } else { env.kv(\"y\") };\n}",
        "fn f() {\n // lunora: ignore\n if a { env.kv(\"x\") } else { env.kv(\"y\") }\n}",
    ];
    assert_needs("ignored", &codes, false)?;
    let codes = [
        "fn f() {\n // lunora: ignore\n env.bucket(\"x\");\n env.bucket(\"NEEDED\");\n}",
        "fn f() { call(\n // lunora: ignore\n env.bucket(\"x\"),\n env.bucket(\"NEEDED\"),\n) }",
        "// lunora: ignore\nfn g() { env.bucket(\"x\"); }\nfn f() { env.bucket(\"NEEDED\"); }",
        "fn f() { env.bucket(\"NEEDED\"); \"// lunora: ignore\"; }",
        "fn f() {\n // lunora: ignored\n env.bucket(\"NEEDED\");\n}",
        "fn f() {\n // lunora: ignore\n if a { env.kv(\"x\") }\n env.kv(\"NEEDED\");\n}",
    ];
    assert_needs("after-ignored", &codes, true)
}

#[test]
fn a_comment_says_that_a_receiver_is_the_environment() -> io::Result<()> {
    let codes = [
        "fn f() {\n // lunora: binding\n app.platform().bucket(\"NEEDED\");\n}",
        "fn f() {\n app.bucket(\"NEEDED\"); // lunora: binding\n}",
    ];
    assert_needs("said", &codes, true)
}
