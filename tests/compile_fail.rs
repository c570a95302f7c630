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
        &[(
            "two functions of this shard have the path `messages:list`",
            "evaluation of `_` failed here",
        )],
    ),
    (
        "shard_path_without_namespace",
        &[(
            "`list` is no path of a function: it has the form `namespace:name`",
            "evaluation of `_` failed here",
        )],
    ),
    (
        "shard_malformed_table",
        &[("a table's name has ASCII letters, digits and `_` only", "from_static")],
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
