//! Configuration files, understood as wrangler does.

use lunora_codegen::{
    Place,
    wrangler::{BindingKind, Expected, Need, check_file},
};

fn expected(needs: impl IntoIterator<Item = Need>) -> Expected {
    let place = Place { file: "src/lib.rs".into(), line: 1 };
    needs.into_iter().fold(Expected::new(), |expected, need| expected.with(need, place.clone()))
}

fn bucket(name: &str) -> Need {
    Need::Binding(BindingKind::Bucket, name.into())
}

fn cron(expression: &str) -> Need {
    Need::Cron(expression.into())
}

fn class(name: &str) -> Need {
    Need::Class(name.into())
}

/// Every problem: `true` for an error, and its text.
fn problems(file: &str, text: &str, needs: impl IntoIterator<Item = Need>) -> Vec<(bool, String)> {
    let problems = check_file(file, text, &expected(needs)).err().unwrap_or_default();
    problems.iter().map(|problem| (problem.is_error(), problem.to_string())).collect()
}

/// The problems of the members of a `wrangler.jsonc` with a date that will do.
fn jsonc(members: &str, needs: impl IntoIterator<Item = Need>) -> Vec<(bool, String)> {
    let text = format!(r#"{{ "compatibility_date": "2026-04-01", {members} }}"#);
    problems("wrangler.jsonc", &text, needs)
}

const TOML: &str = r#"# A Worker.
compatibility_date = "2026-04-01"

[[durable_objects.bindings]]
name = "SHARD"
class_name = "Room"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]

[[r2_buckets]]
binding = "FILES"

[triggers]
crons = ["0 3 * * *"]
"#;

fn needs() -> [Need; 4] {
    let shard = Need::Binding(BindingKind::DurableObject, "SHARD".into());
    [shard, bucket("FILES"), cron("0 3 * * *"), class("Room")]
}

#[test]
fn reads_toml_and_names_its_file_and_lines() {
    assert_eq!(problems("wrangler.toml", TOML, needs()), []);
    assert_eq!(
        problems("wrangler.toml", &TOML.replace("\"FILES\"", "\"OTHER\""), needs()),
        [(
            true,
            "src/lib.rs:1: the R2 binding `FILES` is not in wrangler.toml; \
             add an entry with binding = \"FILES\" to `r2_buckets`"
                .to_owned()
        )]
    );
    let bound = problems("wrangler.toml", &TOML.replace("[\"Room\"]", "[]"), []);
    assert!(bound[0].1.starts_with("wrangler.toml:4: the class `Room`"), "{bound:?}");
    assert!(bound[0].1.contains("tag = \"…\" and new_sqlite_classes = [\"Room\"]"), "{bound:?}");
    let broken = problems("wrangler.toml", "a = 1\nb = \n", []);
    assert!(broken[0].1.starts_with("wrangler.toml:2: invalid TOML"), "{broken:?}");
}

#[test]
fn the_last_of_a_repeated_key_counts() {
    let lists = r#""r2_buckets": [{ "binding": "A" }], "r2_buckets": [{ "binding": "B" }]"#;
    assert_eq!(jsonc(lists, [bucket("B")]), []);
    assert_eq!(jsonc(lists, [bucket("A")]).len(), 1);
    let entry = r#""r2_buckets": [{ "binding": "A", "binding": "B" }]"#;
    assert_eq!(jsonc(entry, [bucket("B")]), []);
}

#[test]
fn a_key_with_null_counts_as_absent() {
    let members =
        r#""triggers": { "crons": ["0 3 * * *"] }, "env": { "dev": { "triggers": null } }"#;
    assert_eq!(jsonc(members, [cron("0 3 * * *")]), []);
}

#[test]
fn skips_a_byte_order_mark_in_every_syntax() {
    let json = r#"{ "compatibility_date": "2026-04-01" }"#;
    for (file, text) in [("wrangler.json", json), ("wrangler.jsonc", json), ("wrangler.toml", TOML)]
    {
        assert_eq!(problems(file, &format!("\u{feff}{text}"), []), [], "{file}");
    }
}

#[test]
fn a_binding_of_named_environments_alone_is_told_apart() {
    let production = r#""production": { "r2_buckets": [{ "binding": "FILES" }] }"#;
    let warned = jsonc(&format!(r#""env": {{ {production} }}"#), [bucket("FILES")]);
    assert_eq!(
        warned,
        [(
            false,
            "src/lib.rs:1: the R2 binding `FILES` is only in `env.production` of wrangler.jsonc, not \
             at the top level; add { \"binding\": \"FILES\", … } to `r2_buckets`"
                .to_owned()
        )]
    );
    let failed =
        jsonc(&format!(r#""env": {{ {production}, "staging": {{}} }}"#), [bucket("FILES")]);
    assert_eq!(
        failed,
        [(
            true,
            "src/lib.rs:1: the R2 binding `FILES` is only in `env.production` of wrangler.jsonc, not \
             at the top level and not in `env.staging`; add { \"binding\": \"FILES\", … } to \
             `r2_buckets` and `env.staging.r2_buckets`"
                .to_owned()
        )]
    );
    let nowhere = jsonc(r#""env": { "a": {}, "b": {} }"#, [bucket("FILES")]);
    assert_eq!(
        nowhere,
        [(
            true,
            "src/lib.rs:1: the R2 binding `FILES` is not in wrangler.jsonc; add { \"binding\": \
             \"FILES\", … } to `r2_buckets`, `env.a.r2_buckets` and `env.b.r2_buckets`"
                .to_owned()
        )]
    );
}

#[test]
fn rejects_a_top_level_that_has_some_of_the_bindings() {
    let members = r#""r2_buckets": [{ "binding": "FILES" }], "env": { "production": {
        "r2_buckets": [{ "binding": "FILES" }, { "binding": "LOGS" }],
        "triggers": { "crons": ["0 3 * * *"] } } }"#;
    let found = jsonc(members, [bucket("FILES"), bucket("LOGS"), cron("0 3 * * *")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|(is_error, text)| *is_error && text.contains("not at the top level"))
    );
}

#[test]
fn an_empty_list_of_triggers_in_an_environment_is_a_warning() {
    let members = r#""triggers": { "crons": ["0 3 * * *"] },
        "env": { "dev": { "triggers": { "crons": [] } } }"#;
    assert_eq!(
        jsonc(members, [cron("0 3 * * *")]),
        [(
            false,
            "wrangler.jsonc:2: `triggers.crons` of `env.dev` of wrangler.jsonc is empty, so no trigger \
             fires there; list the triggers there if they should fire"
                .to_owned()
        )]
    );
    // Only production fires.
    let members = r#""triggers": { "crons": [] }, "env": {
        "production": { "triggers": { "crons": ["0 3 * * *"] } }, "dev": {} }"#;
    let found = jsonc(members, [cron("0 3 * * *")]);
    assert!(found.len() == 1 && !found[0].0, "{found:?}");
    // Nothing fires anywhere.
    for members in [
        r#""triggers": { "crons": [] }"#,
        r#""triggers": { "crons": [] }, "env": { "dev": { "triggers": { "crons": [] } } }"#,
    ] {
        let found = jsonc(members, [cron("0 3 * * *")]);
        assert!(found.len() == 1 && found[0].0, "{found:?}");
        assert!(found[0].1.ends_with("add \"0 3 * * *\" to `triggers.crons`"), "{found:?}");
    }
}

#[test]
fn a_trigger_that_an_environment_overrides_away_is_named() {
    let members = r#""triggers": { "crons": ["0 3 * * *"] },
        "env": { "dev": { "triggers": { "crons": ["0 4 * * *"] } }, "staging": {} }"#;
    assert_eq!(
        jsonc(members, [cron("0 3 * * *")]),
        [(
            true,
            "src/lib.rs:1: the trigger `0 3 * * *` is not in `env.dev` of wrangler.jsonc, so it does \
             not fire there; add \"0 3 * * *\" to `env.dev.triggers.crons`"
                .to_owned()
        )]
    );
}

#[test]
fn never_tells_to_add_an_expression_that_the_platform_refuses() {
    for expression in ["every day", "0 0 30 2 *", "* * * *", "61 * * * *", ""] {
        let found = jsonc(r#""name": "w""#, [cron(expression)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 && found[0].1.contains("invalid cron expression"), "{found:?}");
        assert!(!found[0].1.contains("triggers.crons"), "{found:?}");
    }
}

#[test]
fn classes_may_be_in_exports_instead_of_migrations() {
    let with = |entry: &str| {
        let members =
            format!(r#""exports": {{ "Room": {{ "type": "durable-object", {entry} }} }}"#);
        jsonc(&members, [class("Room")])
    };
    assert_eq!(with(r#""storage": "sqlite""#), []);
    assert_eq!(with(r#""state": "created", "storage": "sqlite""#), []);
    assert_eq!(
        with(r#""state": "expecting-transfer", "storage": "sqlite", "transfer_from": "w""#),
        []
    );
    let gone = with(r#""state": "deleted""#);
    assert_eq!(
        gone,
        [(
            true,
            "src/lib.rs:1: the class `Room` of a Durable Object is not in `exports` of wrangler.jsonc; \
             add \"Room\": { \"type\": \"durable-object\", \"storage\": \"sqlite\" } to `exports`"
                .to_owned()
        )]
    );
    let legacy = with(r#""storage": "legacy-kv""#);
    assert!(legacy.len() == 1 && legacy[0].1.contains("has no SQLite"), "{legacy:?}");
}

#[test]
fn exports_of_other_kinds_leave_migrations_in_force() {
    let members = r#""exports": { "default": { "type": "worker" } },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]"#;
    assert_eq!(jsonc(members, [class("Room")]), []);
    let missing = jsonc(r#""exports": { "default": { "type": "worker" } }"#, [class("Room")]);
    assert!(missing[0].1.contains("has no migration"), "{missing:?}");
}

#[test]
fn rejects_migrations_beside_exports_of_classes() {
    let members = r#""exports": { "Room": { "type": "durable-object", "storage": "sqlite" } },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]"#;
    let found = jsonc(members, [class("Room")]);
    assert_eq!(
        found,
        [(
            true,
            "wrangler.jsonc:2: `migrations` and `exports` both declare classes, which wrangler refuses\
             ; keep one of them"
                .to_owned()
        )]
    );
}

#[test]
fn environments_inherit_exports() {
    let members = r#""exports": { "Room": { "type": "durable-object", "storage": "sqlite" } },
        "env": { "dev": {}, "old": { "exports": {} } }"#;
    let found = jsonc(members, [class("Room")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("`exports` of `env.old` of wrangler.jsonc"), "{found:?}");
}
