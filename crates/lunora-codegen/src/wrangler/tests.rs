use super::*;
use crate::scan::Scan;

const WHOLE: &str = r#"// A Worker.
{
  "compatibility_date": "2026-04-01",
  "durable_objects": { "bindings": [{ "name": "SHARD", "class_name": "Room" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
  "r2_buckets": [{ "binding": "FILES", "bucket_name": "files" }],
  "triggers": { "crons": ["0 3 * * *"] },
}"#;

const CODE: &str = r#"
lunora::shard! {
    pub struct Room;
    functions: {}
}
fn app(env: &Env) {
    env.durable_object("SHARD")?;
    env.bucket("FILES")?;
    builder.cron(cron!("0 3 * * *"), async |_| {});
}
"#;

fn expected(code: &str) -> Expected {
    let scan = Scan::of("src/lib.rs", code).unwrap_or_else(|error| unreachable!("{error}"));
    let mut expected = Expected::new();
    scan.needs.into_iter().for_each(|(need, place)| expected.add(need, place));
    expected
}

/// The problems of `CODE` with the file in which `from` is `to`.
fn problems(from: &str, to: &str) -> Vec<String> {
    assert!(WHOLE.contains(from), "{from}");
    let problems = check(&WHOLE.replace(from, to), &expected(CODE)).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_with_all_that_the_code_needs_passes() {
    assert_eq!(check(WHOLE, &expected(CODE)), Ok(()));
}

#[test]
fn a_cron_that_is_no_trigger_is_named() {
    assert_eq!(
        problems("\"0 3 * * *\"", "\"0 4 * * *\""),
        ["src/lib.rs:9: the trigger `0 3 * * *` is not in wrangler.jsonc, so it never fires; \
          add \"0 3 * * *\" to `triggers.crons`"]
    );
}

#[test]
fn a_binding_that_is_missing_is_named() {
    assert_eq!(
        problems("\"FILES\"", "\"OTHER\""),
        ["src/lib.rs:8: the R2 binding `FILES` is not in wrangler.jsonc; \
          add { \"binding\": \"FILES\", … } to `r2_buckets`"]
    );
    assert_eq!(
        problems("\"SHARD\"", "\"ROOMS\""),
        ["src/lib.rs:7: the Durable Object binding `SHARD` is not in wrangler.jsonc; \
          add { \"name\": \"SHARD\", … } to `durable_objects.bindings`"]
    );
}

#[test]
fn a_class_without_a_sqlite_migration_is_named() {
    let absent = problems("[\"Room\"]", "[\"Hall\"]");
    assert_eq!(
        absent,
        ["src/lib.rs:3: the class `Room` of a Durable Object has no migration in wrangler.jsonc; \
          add { \"tag\": \"…\", \"new_sqlite_classes\": [\"Room\"] } to `migrations`"]
    );
    let key_value = problems("new_sqlite_classes", "new_classes");
    assert!(key_value[0].contains("`new_classes`") && key_value.len() == 1, "{key_value:?}");
}

#[test]
fn a_class_that_only_the_file_names_needs_its_migration_too() {
    let problems = problems(
        "\"class_name\": \"Room\" }",
        "\"class_name\": \"Room\" }, { \"name\": \"R\", \"class_name\": \"Registry\" }",
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("wrangler.jsonc:4: the class `Registry`"), "{problems:?}");
}

#[test]
fn a_class_of_another_worker_needs_none() {
    let other = "\"class_name\": \"Room\" }, { \"name\": \"R\", \"class_name\": \"X\", \"script_name\": \"other\" }";
    assert_eq!(problems("\"class_name\": \"Room\" }", other), [""; 0]);
}

#[test]
fn migrations_are_read_in_their_order() {
    let renamed =
        r#""Hall"] }, { "tag": "v2", "renamed_classes": [{ "from": "Hall", "to": "Room" }]"#;
    assert_eq!(problems("\"Room\"] ", renamed), [""; 0]);
    let deleted = r#""Room"] }, { "tag": "v2", "deleted_classes": ["Room"] "#;
    assert_eq!(problems("\"Room\"] ", deleted).len(), 1);
}

#[test]
fn a_compatibility_date_too_old_is_named() {
    assert_eq!(
        problems("2026-04-01", "2024-12-31"),
        ["wrangler.jsonc:3: the compatibility date 2024-12-31 is too old; \
          set `compatibility_date` to \"2025-05-05\" or a later day"]
    );
    assert_eq!(problems("2026-04-01", "latest").len(), 1);
    assert_eq!(problems("\"compatibility_date\": \"2026-04-01\",", "").len(), 1);
    assert_eq!(problems("2026-04-01", MIN_COMPATIBILITY_DATE), [""; 0]);
}

#[test]
fn all_problems_come_at_once() {
    let problems = check("{}", &expected(CODE)).err().unwrap_or_default();
    assert_eq!(problems.len(), 5, "{problems:?}");
}

#[test]
fn an_environment_inherits_triggers_and_migrations_but_no_binding() {
    let env =
        "\"env\": { \"staging\": { \"r2_buckets\": [{ \"binding\": \"FILES\" }] } }, \"triggers\"";
    assert_eq!(
        problems("\"triggers\"", env),
        [
            "src/lib.rs:7: the Durable Object binding `SHARD` is not in `env.staging` of wrangler.jsonc; \
          add { \"name\": \"SHARD\", … } to `durable_objects.bindings`"
        ]
    );
}

#[test]
fn a_file_that_is_no_json_says_where() {
    let problems = check("{\n  \"name\": ,\n}", &Expected::new()).err().unwrap_or_default();
    assert!(problems[0].to_string().starts_with("wrangler.jsonc:2: "), "{problems:?}");
    assert!(check("[]", &Expected::new()).is_err());
}

#[test]
fn needs_are_read_inside_of_macros_and_not_inside_of_tests_or_comments() {
    let needs = expected(
        r##"
        //! env.bucket("DOC")
        wrap! { env.kv("SETTINGS"); }
        #[worker::durable_object(fetch)]
        /// Words.
        pub struct Registry { registry: u8 }
        lunora::shard! { pub struct Room; functions: {}, registry: "SHARD_REGISTRY" }
        const NIGHTLY: CronExpression = lunora::cron!(r#"0 3 * * *"#);
        fn f() { CloudflareWorkflow::from_env(env, "ORDERS"); builder.kv(KvNamespaces::new()); }
        #[cfg(test)]
        mod tests { fn t() { env.bucket("TEST"); } }
        "##,
    );
    let needs: Vec<Need> = needs.needs.into_iter().map(|(need, _)| need).collect();
    let binding = |kind, name: &str| Need::Binding(kind, name.into());
    assert_eq!(
        needs,
        [
            binding(BindingKind::Kv, "SETTINGS"),
            Need::Class("Registry".into()),
            Need::Class("Room".into()),
            binding(BindingKind::DurableObject, "SHARD_REGISTRY"),
            Need::Cron("0 3 * * *".into()),
            binding(BindingKind::Workflow, "ORDERS"),
        ]
    );
}
