//! What is generated, compared with what the example holds.

use std::{fs, path::PathBuf};

use lunora_codegen::{OUTPUT, check_crate, generate, manifest, wrangler, write_crate};

const COMMAND: &str = "cargo xtask codegen";

const WRANGLER: &str = r#"{
  "compatibility_date": "2026-04-01",
  "durable_objects": { "bindings": [{ "name": "SHARD", "class_name": "Notes" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Notes"] }],
}"#;

fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/generated")
}

#[allow(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn texts(problems: Vec<lunora_codegen::Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_holds_what_its_manifest_says() {
    assert_eq!(check_crate(&example(), COMMAND).map_err(texts), Ok(()));
}

#[test]
fn the_least_manifest_gives_the_least_entry() {
    let manifest = "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n";
    let expected = r#"//! Generated from lunora.toml and wrangler.jsonc; changes here are lost.
//!
//! To write it again: `make entry`

use lunora::prelude::*;

/// Builds the application, once per isolate.
///
/// # Errors
/// Returns an error if a binding or a secret is missing.
pub fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder().shard_do(env.durable_object("SHARD")?).build())
}

lunora::serve!(app);

lunora::shard! {
    /// The shards of this application.
    pub struct Notes;
    functions: {
        query "notes:list" => crate::notes::list,
    },
}
"#;
    assert_eq!(generate(manifest, WRANGLER, "make entry").map_err(texts), Ok(expected.into()));
}

#[test]
fn the_order_of_the_manifest_does_not_matter() {
    let list = "[functions.\"notes:list\"]\nkind = \"query\"\n";
    let add = "[functions.\"notes:add\"]\nkind = \"mutation\"\n";
    let of = |functions: [&str; 2]| {
        generate(&format!("shard = \"SHARD\"\n{}", functions.concat()), WRANGLER, COMMAND)
    };
    let one = of([list, add]);
    assert!(one.is_ok());
    assert_eq!(one, of([add, list]));
}

#[test]
fn what_wrangler_lacks_is_told_with_the_line_of_the_manifest() {
    let manifest = r#"shard = "SHARD"
registry = "SHARD_REGISTRY"
admin = true
storage = "FILES"
[functions."notes:list"]
kind = "query"
[backup]
bucket = "BACKUPS"
cron = "0 3 * * *"
"#;
    let problems = generate(manifest, WRANGLER, COMMAND).err().map(texts).unwrap_or_default();
    assert_eq!(
        problems,
        [
            "lunora.toml:2: the Durable Object binding `SHARD_REGISTRY` is not in wrangler.jsonc; \
             add { \"name\": \"SHARD_REGISTRY\", … } to `durable_objects.bindings`",
            "lunora.toml:4: the R2 binding `FILES` is not in wrangler.jsonc; \
             add { \"binding\": \"FILES\", … } to `r2_buckets`",
            "lunora.toml:8: the R2 binding `BACKUPS` is not in wrangler.jsonc; \
             add { \"binding\": \"BACKUPS\", … } to `r2_buckets`",
            "lunora.toml:9: the trigger `0 3 * * *` is not in wrangler.jsonc, so it never fires; \
             add \"0 3 * * *\" to `triggers.crons`",
        ]
    );
}

#[test]
fn a_class_of_another_worker_is_no_shard() {
    let elsewhere = WRANGLER.replace("\"Notes\" }", "\"Notes\", \"script_name\": \"other\" }");
    let manifest = "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n";
    assert_eq!(
        generate(manifest, &elsewhere, COMMAND).map_err(texts),
        Err(vec![
            "lunora.toml:1: the binding `SHARD` has no class of this Worker; \
             give it a `class_name` in wrangler.jsonc"
                .into()
        ])
    );
}

#[test]
fn an_entry_that_was_changed_by_hand_is_found_and_written_again() -> std::io::Result<()> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("changed");
    fs::create_dir_all(dir.join("src"))?;
    for file in [manifest::FILE, wrangler::FILE] {
        fs::copy(example().join(file), dir.join(file))?;
    }
    let _ = fs::remove_file(dir.join(OUTPUT));
    assert_eq!(write_crate(&dir, COMMAND).map_err(texts), Ok(true));
    assert_eq!(write_crate(&dir, COMMAND).map_err(texts), Ok(false));

    let changed = fs::read_to_string(dir.join(OUTPUT))?.replace("keep!(14)", "keep!(1)");
    fs::write(dir.join(OUTPUT), changed)?;
    let problems = check_crate(&dir, COMMAND).err().map(texts).unwrap_or_default();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].ends_with("the entry does not match lunora.toml; run `cargo xtask codegen`")
    );
    Ok(())
}

#[test]
fn texts_of_a_manifest_stay_texts() {
    let hostile = r#""); panic!(\"x\"); (""#;
    let manifest = format!(
        "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n[[crons]]\nname = {hostile}\n\
         cron = \"0 * * * *\"\nfunction = \"notes:list\"\nargs = {{ text = {hostile} }}\n"
    );
    let wrangler = WRANGLER
        .replace("\"migrations\"", "\"triggers\": { \"crons\": [\"0 * * * *\"] }, \"migrations\"");
    let text = generate(&manifest, &wrangler, COMMAND).map_err(texts);
    assert!(text.as_ref().is_ok_and(|text| !text.contains("; panic!(\"x\")")), "{text:?}");
}

const BACKED_UP: &str = r#"shard = "SHARD"
registry = "SHARD_REGISTRY"
jurisdiction = "fedramp"
admin = true
[tables.notes]
document = "notes::Note"
[functions."notes:list"]
kind = "query"
[backup]
bucket = "BACKUPS"
cron = "0 3 * * *"
tables = ["notes"]
allow_empty_registry = true
page_rows = 1000
resume = "*/10 * * * *"
drill = "0 5 * * SUN"
drill_shards = 20
"#;

fn wrangler_with(crons: &str) -> String {
    WRANGLER
        .replace(
            "\"Notes\" }",
            "\"Notes\" }, { \"name\": \"SHARD_REGISTRY\", \"class_name\": \"Registry\" }",
        )
        .replace("[\"Notes\"]", "[\"Notes\", \"Registry\"]")
        .replace(
            "\"migrations\"",
            &format!(
                "\"r2_buckets\": [{{ \"binding\": \"BACKUPS\", \"jurisdiction\": \"fedramp\" }}],\
                 \"triggers\": {{ \"crons\": [{crons}] }}, \"migrations\""
            ),
        )
}

#[test]
fn every_key_of_a_backup_and_the_jurisdiction_are_written() {
    let text = generate(
        BACKED_UP,
        &wrangler_with("\"0 3 * * *\", \"0 5 * * SUN\", \"*/10 * * * *\""),
        COMMAND,
    );
    let text = text.map_err(texts).unwrap_or_else(|problems| unreachable!("{problems:?}"));
    let joined: String = text.split_whitespace().collect();
    assert!(
        joined.contains(
            ".cron(cron!(\"03***\")).tables([\"notes\"]).allow_empty_registry(true).page_rows(1000)\
             .resume(cron!(\"*/10****\")).drill(cron!(\"05**SUN\")).drill_shards(20).build()"
        ),
        "{text}"
    );
    assert!(
        text.contains("    registry: \"SHARD_REGISTRY\",\n    jurisdiction: FedRamp,\n}"),
        "{text}"
    );
}

#[test]
fn the_trigger_of_a_drill_must_be_in_wrangler_jsonc() {
    let problems = generate(BACKED_UP, &wrangler_with("\"0 3 * * *\", \"*/10 * * * *\""), COMMAND);
    assert_eq!(
        problems.map_err(texts),
        Err(vec![
            "lunora.toml:16: the trigger `0 5 * * SUN` is not in wrangler.jsonc, so it never fires; \
             add \"0 5 * * SUN\" to `triggers.crons`"
                .into()
        ])
    );
}

#[test]
fn shards_with_a_jurisdiction_are_reached_by_their_class() {
    let manifest =
        "shard = \"SHARD\"\njurisdiction = \"eu\"\n[functions.\"notes:list\"]\nkind = \"query\"\n";
    let text = generate(manifest, WRANGLER, COMMAND).map_err(texts);
    let text = text.unwrap_or_else(|problems| unreachable!("{problems:?}"));
    assert!(text.contains("use lunora::shard::ShardClass;"), "{text}");
    assert!(text.contains("Notes::shards(env.durable_object(\"SHARD\")?)"), "{text}");
    assert!(text.contains("    },\n    jurisdiction: Eu,\n}"), "{text}");
}

#[test]
fn sessions_are_over_the_database_of_the_manifest_which_wrangler_must_have() {
    let manifest = "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n\
                    [sessions]\ndatabase = \"DB\"\nsend_code = \"mail::send\"\n";
    assert_eq!(
        generate(manifest, WRANGLER, COMMAND).map_err(texts),
        Err(vec![
            "lunora.toml:5: the D1 binding `DB` is not in wrangler.jsonc; \
             add { \"binding\": \"DB\", … } to `d1_databases`"
                .into()
        ])
    );
    let wrangler = WRANGLER.replace(
        "\"migrations\"",
        "\"d1_databases\": [{ \"binding\": \"DB\", \"database_name\": \"app\" }], \"migrations\"",
    );
    let text = generate(manifest, &wrangler, COMMAND).map_err(texts);
    let text = text.unwrap_or_else(|problems| unreachable!("{problems:?}"));
    let joined: String = text.split_whitespace().collect();
    assert!(
        joined.contains(
            ".sessions(lunora::sessions::Sessions::new(env.d1(\"DB\")?,\
             lunora::sessions::SessionSecret::from_env(env)?,).send_code(crate::mail::send),)"
        ),
        "{text}"
    );
}

#[test]
fn globals_are_the_tables_of_the_manifest_and_the_others_of_their_database() {
    let wrangler = WRANGLER.replace(
        "\"migrations\"",
        "\"d1_databases\": [{ \"binding\": \"DB\", \"database_name\": \"app\" }], \"migrations\"",
    );
    let setters = |documents: &str| {
        let manifest = format!(
            "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n\
             [globals]\ndatabase = \"DB\"\n{documents}"
        );
        let text = generate(&manifest, &wrangler, COMMAND).map_err(texts);
        let text = text.unwrap_or_else(|problems| unreachable!("{problems:?}"));
        text.split_whitespace().collect::<String>()
    };
    assert!(setters("").contains(".global_tables(env.d1(\"DB\")?)"));
    assert!(setters("documents = [\"plans::PLANS\"]\n").contains(
        ".global_tables(lunora::globals::DocumentTables::new(env.d1(\"DB\")?)\
         .with(crate::plans::PLANS),)"
    ));
}
