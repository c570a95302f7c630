//! What a misconfiguration looks like to whoever wrote it.
//!
//! Each case is pinned whole, and beside that its sentences are asserted on their own: a new
//! compiler may change its words, ours stay. After a change: `TRYBUILD=overwrite cargo test --test
//! compile_fail`, and read the difference.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, fs, path::Path};

/// A case, and for each of its errors the headline and the label that names the way out.
const CASES: &[(&str, &[(&str, &str)])] = &[
    (
        "no_shard",
        &[(
            "a Lunora Worker needs its shard namespace, and none was configured",
            "call `.shard_do(..)` before `.build()`",
        )],
    ),
    ("backup_without_coordinator", &[BACKUP_NEEDS_COORDINATOR]),
    ("backup_without_admin_token", &[BACKUP_NEEDS_TOKEN]),
    ("backup_of_unannounced_shards", &[BACKUP_NEEDS_ANNOUNCED_SHARDS]),
    (
        "backup_without_both",
        &[BACKUP_NEEDS_ANNOUNCED_SHARDS, BACKUP_NEEDS_COORDINATOR, BACKUP_NEEDS_TOKEN],
    ),
    ("shard_backup_without_registry", &[BACKUP_NEEDS_ANNOUNCED_SHARDS]),
    (
        "backup_config_without_cron",
        &[(
            "a backup needs the trigger that starts it, and none was set",
            "call `.cron(cron!(\"0 3 * * *\"))` before `.build()`",
        )],
    ),
    (
        "backup_config_without_store",
        &[
            (
                "a backup needs a store for its snapshots, and none was set",
                "call `.store(env.bucket(\"BACKUPS\")?)` before `.build()`",
            ),
            BACKUP_NEEDS_ANNOUNCED_SHARDS,
            BACKUP_NEEDS_TOKEN,
        ],
    ),
    (
        "jurisdiction_beside_a_class",
        &[(
            "`.jurisdiction(..)` does not reach the shards of a class, which enter the registry of their own",
            "drop `.jurisdiction(..)`, and say it in the `shard!` of these shards, such as `jurisdiction: Eu`",
        )],
    ),
    (
        "everything_missing_at_once",
        &[
            (
                "a Lunora Worker needs its shard namespace, and none was configured",
                "call `.shard_do(..)` before `.build()`",
            ),
            BACKUP_NEEDS_COORDINATOR,
            FAN_OUT_NEEDS_COORDINATOR,
            BACKUP_NEEDS_TOKEN,
        ],
    ),
    ("fan_out_gate_without_coordinator", &[FAN_OUT_NEEDS_COORDINATOR]),
    (
        "setter_called_twice",
        &[
            (
                "`.shard_do(..)` was already called on this builder",
                "this is the second call: keep one of the two",
            ),
            (
                "`.security(..)` was already called on this builder",
                "this is the second call: keep one of the two",
            ),
        ],
    ),
    (
        "credentials_for_every_origin",
        &[(
            "credentials cannot be allowed for every origin",
            "list the origins instead: `Cors::origins([..]).allow_credentials()`",
        )],
    ),
    ("malformed_cron", &[("a cron expression has five fields", "from_static")]),
    ("malformed_route", &[("a route's path begins with a slash", "from_static")]),
    ("reserved_route", &[("a route's path must not be under `/_lunora/`", "from_static")]),
    ("malformed_origin", &[("an origin begins with `https://` or `http://`", "from_static")]),
    (
        "trusted_origin_with_a_path",
        &[(
            "an origin ends after its host and port: leave out the path and the trailing slash",
            "from_static",
        )],
    ),
    (
        "retention_of_zero",
        &[(
            "a retention keeps at least one snapshot; leave `.retain(..)` out to keep them all",
            "from_literal",
        )],
    ),
    (
        "shard_function_twice",
        &[
            ("two functions of this shard have the same path", "rename one of the two"),
            ("two functions of this shard have the same path", "rename one of the two"),
        ],
    ),
    (
        "shard_path_without_namespace",
        &[(
            "the path of a function has the form `namespace:name`",
            "expected a path such as `messages:send`: two names with one colon in between",
        )],
    ),
    (
        "shard_malformed_table",
        &[("a table's name has ASCII letters, digits and `_` only", "from_static")],
    ),
    (
        "shard_unknown_part",
        &[(
            "`shard!` has no part `tabels`",
            "expected `tables`, `functions`, `relations`, `migrations`, `registry` or `jurisdiction`",
        )],
    ),
    (
        "shard_part_twice",
        &[(
            "`shard!` has the part `tables` twice",
            "this is the second one: merge it into the first",
        )],
    ),
    (
        "shard_malformed_part",
        &[(
            "the part `tables` of `shard!` is malformed",
            "write it in the form of the note, with a comma between it and the next part",
        )],
    ),
    (
        "shard_part_without_comma",
        &[(
            "the part `tables` of `shard!` is malformed",
            "write it in the form of the note, with a comma between it and the next part",
        )],
    ),
    (
        "shard_without_functions",
        &[(
            "this shard has no functions",
            "add `functions: { query \"messages:list\" => list }` after the name",
        )],
    ),
    (
        "shard_unknown_kind",
        &[(
            "a function of `shard!` has an unknown kind",
            "expected `query`, `mutation` or `action` before this path",
        )],
    ),
    (
        "shard_path_without_quotes",
        &[(
            "a function of `shard!` is malformed",
            "expected `query \"namespace:name\" => function`, and a comma between two of them",
        )],
    ),
    (
        "shard_function_without_kind",
        &[(
            "a function of `shard!` is malformed",
            "expected `query \"namespace:name\" => function`, and a comma between two of them",
        )],
    ),
    (
        "shard_reserved_path",
        &[(
            "the path of a function must not begin with `__lunora`",
            "rename it: the prefix is reserved for the framework",
        )],
    ),
    (
        "shard_table_twice",
        &[
            (
                "two tables of this shard have the same name",
                "rename or remove one of the two; case does not tell names apart",
            ),
            (
                "two tables of this shard have the same name",
                "rename or remove one of the two; case does not tell names apart",
            ),
        ],
    ),
    (
        "shard_relation_twice",
        &[
            ("two relations of this shard have the same name", "rename one of the two"),
            ("two relations of this shard have the same name", "rename one of the two"),
        ],
    ),
    (
        "shard_migrations_that_cannot_run",
        &[
            (
                "two migrations of this shard have the same id",
                "rename the later one: a shard runs each id once",
            ),
            (
                "two migrations of this shard have the same id",
                "rename the later one: a shard runs each id once",
            ),
            (
                "this migration is of a table that the shard does not have",
                "add the table to `tables: [..]` of this `shard!`",
            ),
        ],
    ),
    (
        "shard_unknown_jurisdiction",
        &[(
            "`Europe` is not a jurisdiction",
            "expected `Eu`, `Us` or `FedRamp`, the variants of `lunora::Jurisdiction`",
        )],
    ),
    (
        "shard_query_that_writes",
        &[("no method named `insert` found for struct `Reader", "method not found in `Reader")],
    ),
];

const BACKUP_NEEDS_COORDINATOR: (&str, &str) = (
    "a scheduled backup needs a query coordinator, and none was configured",
    "call `.query_coordinator(..)`, or drop `.backup(..)`",
);
const BACKUP_NEEDS_ANNOUNCED_SHARDS: (&str, &str) = (
    "a scheduled backup holds every shard, and nothing says that these shards announce themselves",
    "give `.shard_do(..)` the shards of a class with a `registry:`, as in `.shard_do(Room::shards(namespace))`, or drop `.backup(..)`",
);
const BACKUP_NEEDS_TOKEN: (&str, &str) = (
    "a scheduled backup needs an admin token, and none was configured",
    "call `.admin_token(..)`, or drop `.backup(..)`",
);
const FAN_OUT_NEEDS_COORDINATOR: (&str, &str) = (
    "a gate for cross-shard queries needs a query coordinator, and none was configured",
    "call `.query_coordinator(..)`, or drop `.authorize_fan_out(..)`",
);

#[test]
fn a_misconfiguration_does_not_compile() {
    let cases = trybuild::TestCases::new();
    for (case, _) in CASES {
        if cfg!(feature = "shard") || !case.starts_with("shard_") {
            cases.compile_fail(format!("tests/ui/{case}.rs"));
        }
    }
}

#[test]
fn each_error_begins_with_our_sentence_and_names_the_way_out() {
    for (case, errors) in CASES {
        let text = fs::read_to_string(format!("tests/ui/{case}.stderr")).unwrap();
        let headlines: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(headlines.len(), errors.len(), "{case}: {headlines:#?}");
        for (headline, (sentence, label)) in headlines.iter().zip(*errors) {
            assert!(headline.contains(sentence), "{case}: {headline}");
            assert!(text.contains(label), "{case}: no label `{label}`");
        }
    }
}

#[test]
fn every_case_file_is_a_case() {
    let files: BTreeSet<String> = fs::read_dir("tests/ui")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some("rs".as_ref()))
        .filter_map(|path| Some(Path::file_stem(&path)?.to_str()?.to_owned()))
        .collect();
    assert_eq!(files, CASES.iter().map(|(case, _)| (*case).to_owned()).collect());
}
