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
    scan.add_to(&mut expected);
    expected
}

/// Returns the problems of `CODE` with the file in which `from` is `to`.
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
fn rejects_a_shard_registry_without_a_sqlite_migration() {
    let code = "lunora::shard_registry! {\n    /// Lists the rooms.\n    pub struct Registry;\n}";
    let file = |migration: &str| {
        let date = MIN_COMPATIBILITY_DATE;
        format!(
            r#"{{ "compatibility_date": "{date}", "migrations": [{{ "tag": "v1", {migration} }}] }}"#
        )
    };
    assert_eq!(found(&file(r#""new_sqlite_classes": ["Registry"]"#), code), []);
    let [(true, absent)] = &found(&file(r#""new_sqlite_classes": ["Room"]"#), code)[..] else {
        unreachable!("one error")
    };
    assert!(
        absent
            .starts_with("src/lib.rs:3: the class `Registry` of a Durable Object has no migration"),
        "{absent}"
    );
    assert_eq!(found(&file(r#""new_classes": ["Registry"]"#), code).len(), 1);
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
            "src/lib.rs:7: the Durable Object binding `SHARD` is not in `env.staging` of wrangler.jsonc, \
          and environments inherit no bindings; \
          add { \"name\": \"SHARD\", … } to `env.staging.durable_objects.bindings`"
        ]
    );
}

#[test]
fn a_rate_limiter_is_found_by_its_name() {
    let code = r#"fn f(env: &Env) { env.rate_limiter("LIMITER")?; }"#;
    let file = |entry: &str| {
        format!(r#"{{ "compatibility_date": "2026-04-01", "ratelimits": [{{ {entry} }}] }}"#)
    };
    assert!(found(&file(r#""name": "LIMITER", "namespace_id": "1""#), code).is_empty());
    let [(_, problem)] = &found(&file(r#""name": "OTHER""#), code)[..] else { unreachable!() };
    assert!(
        problem.contains("the rate limiting binding `LIMITER` is not in wrangler.jsonc"),
        "{problem}"
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
        fn g() { RateLimit::new(env.rate_limiter("LIMITER")?); }
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
            binding(BindingKind::RateLimit, "LIMITER"),
        ]
    );
}

const STORED: &str = r#"{
  "compatibility_date": "2026-04-01",
  "durable_objects": { "bindings": [
    { "name": "SHARD", "class_name": "Room" },
    { "name": "REGISTRY", "class_name": "Registry" },
    { "name": "OTHER", "class_name": "Registry" }
  ] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room", "Hall", "Registry"] }],
  "r2_buckets": [{ "binding": "FILES" },
    { "binding": "BACKUPS" }],
}"#;

const BACKED_UP: &str = r#"
lunora::shard! {
    pub struct Room;
    functions: {},
    registry: "REGISTRY",
    jurisdiction: Eu,
}
fn app(env: &Env) {
    let registry = DurableShardRegistry::new(env.durable_object("REGISTRY")?);
    builder.shard_do(Room::shards(env.durable_object("SHARD")?)).storage(env.bucket("FILES")?);
    BackupConfig::builder().store(env.bucket("BACKUPS")?);
}
"#;

fn found(wrangler: &str, code: &str) -> Vec<(bool, String)> {
    let problems = check(wrangler, &expected(code)).err().unwrap_or_default();
    problems.iter().map(|problem| (problem.is_error(), problem.to_string())).collect()
}

#[test]
fn warns_of_a_backup_bucket_outside_the_jurisdiction_of_the_shards() {
    let warning = |has: &str| {
        let text = format!(
            "wrangler.jsonc:10: the bucket `BACKUPS` of `r2_buckets` has {has}, and it keeps backups of \
             shards that stay in `eu` (src/lib.rs:6); create a bucket with `--jurisdiction eu`, and add \
             \"jurisdiction\": \"eu\" to its entry"
        );
        vec![(false, text)]
    };
    assert_eq!(found(STORED, BACKED_UP), warning("no jurisdiction"));
    let bucket_in = |jurisdiction: &str| {
        let entry = format!("\"BACKUPS\", \"jurisdiction\": \"{jurisdiction}\"");
        STORED.replace("\"BACKUPS\"", &entry)
    };
    assert_eq!(found(&bucket_in("fedramp"), BACKED_UP), warning("the jurisdiction `fedramp`"));
    assert_eq!(found(&bucket_in("eu"), BACKED_UP), []);
    let fedramp = BACKED_UP.replace("Eu", "FedRamp");
    assert_eq!(found(&bucket_in("fedramp"), &fedramp), []);
    // R2 has no jurisdiction of this name.
    assert_eq!(found(STORED, &BACKED_UP.replace("Eu", "Us")), []);
    assert_eq!(found(STORED, &BACKED_UP.replace("    jurisdiction: Eu,\n", "")), []);
}

#[test]
fn warns_of_the_bucket_of_each_environment() {
    let env =
        "\"env\": { \"test\": { \"r2_buckets\": [{ \"binding\": \"BACKUPS\" }] } }, \"migrations\"";
    let wrangler = STORED.replace("\"migrations\"", env).replace(
        "    { \"binding\": \"BACKUPS\" }",
        "    { \"binding\": \"BACKUPS\", \"jurisdiction\": \"eu\" }",
    );
    let warnings: Vec<_> =
        found(&wrangler, BACKED_UP).into_iter().filter(|(is_error, _)| !is_error).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].1.contains("in `env.test` of wrangler.jsonc has no"), "{warnings:?}");
}

#[test]
fn rejects_a_registry_that_the_shards_do_not_announce_themselves_to() {
    let quiet = BACKED_UP.replace("    jurisdiction: Eu,\n", "");
    let other = quiet.replace("object(\"REGISTRY\")", "object(\"OTHER\")");
    assert_eq!(
        found(STORED, &other),
        [(
            true,
            "src/lib.rs:8: the Worker reads the registry `OTHER`, and the shards of `Room` announce \
             themselves to `REGISTRY` (src/lib.rs:5); name the same binding in both"
                .to_owned()
        )]
    );
    assert_eq!(found(STORED, &quiet), []);
    // A value that is not a literal may be the right one.
    let unknown = format!("{other}\nfn f() {{ DurableShardRegistry::new(objects); }}");
    assert_eq!(found(STORED, &unknown), []);
    let in_test = format!("#[cfg(test)]\nmod tests {{ {other} }}\n{quiet}");
    assert_eq!(found(STORED, &in_test), []);
}

#[test]
fn of_several_shards_those_that_the_worker_serves_count() {
    let hall = "\nlunora::shard! { struct Hall; functions: {}, registry: \"OTHER\" }";
    let bucket_in_eu = STORED.replace("\"BACKUPS\"", "\"BACKUPS\", \"jurisdiction\": \"eu\"");
    assert_eq!(found(&bucket_in_eu, &format!("{BACKED_UP}{hall}")), []);
    assert_eq!(found(STORED, &format!("{BACKED_UP}{hall}")).len(), 1);
    let both = format!("{BACKED_UP}{hall}\nfn f() {{ b.shard_do(Hall::shards(env)); }}");
    let found = found(STORED, &both);
    assert!(found.len() == 1 && found[0].1.contains("the shards of `Hall`"), "{found:?}");
}

#[test]
fn reads_every_form_that_wrangler_reads() -> std::io::Result<()> {
    let dir = std::env::temp_dir().join(format!("lunora-config-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let expected = serde_json::json!({ "name": "chat", "triggers": { "crons": ["0 3 * * *"] } });
    for (name, text) in [
        ("wrangler.toml", "name = \"chat\"\n[triggers]\ncrons = [\"0 3 * * *\"]\n"),
        (
            "wrangler.jsonc",
            "{ // chat\n\"name\":\"chat\",\"triggers\":{\"crons\":[\"0 3 * * *\",]},}",
        ),
        ("wrangler.json", "{\"name\":\"chat\",\"triggers\":{\"crons\":[\"0 3 * * *\"]}}"),
    ] {
        std::fs::write(dir.join(name), text)?;
        assert_eq!(
            config(&dir).map_err(|problem| problem.to_string()),
            Ok(expected.clone()),
            "{name}"
        );
    }
    std::fs::write(dir.join("wrangler.json"), "{\n \"name\" 1 }")?;
    let problem = config(&dir).map(drop).map_err(|problem| problem.to_string());
    assert!(problem.is_err_and(|it| it.starts_with("wrangler.json:2: invalid JSON")));
    std::fs::remove_dir_all(dir)
}

#[test]
fn warns_of_weekdays_that_begin_with_sunday() {
    let problems = |cron: &str| {
        let place = Place { file: "src/lib.rs".into(), line: 1 };
        let expected = Expected::new().with(Need::Cron(cron.into()), place);
        let text = serde_json::json!({
            "compatibility_date": "2026-04-01", "triggers": { "crons": [cron] },
        });
        check(&text.to_string(), &expected).err().unwrap_or_default()
    };
    let [warning] = &problems("0 9 * * 1-5")[..] else { unreachable!() };
    assert!(!warning.is_error());
    assert!(warning.to_string().contains("write \"MON-FRI\""), "{warning}");
    for fine in ["0 9 * * MON-FRI", "0 9 * * 2-6", "0 9 1-5 * *", "1-5 * * * *"] {
        assert_eq!(problems(fine), [], "{fine}");
    }
}
