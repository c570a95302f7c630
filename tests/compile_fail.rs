//! The compile errors of misconfigurations.
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
    (
        "sessions_without_sender",
        &[(
            "sessions need a way to send their codes, and none was set",
            "call `.send_code(..)` on the sessions first",
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
            "`.jurisdiction(..)` does not reach the shards of a class, which register in their own registry",
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
        "operator_page_without_both",
        &[
            (
                "the page of operators needs a query coordinator, and none was configured",
                "call `.query_coordinator(..)`, or drop `.operator_page()`",
            ),
            (
                "the page of operators needs an admin token, and none was configured",
                "call `.admin_token(..)`, or drop `.operator_page()`",
            ),
        ],
    ),
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
            "expected `tables`, `functions`, `relations`, `migrations`, `registry`, `rest` or `jurisdiction`",
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
            "expected `query`, `mutation`, `action`, `stream`, `shape`, `connect` or `disconnect` before this path",
        )],
    ),
    (
        "shard_rest",
        &[
            (
                "`GET` must not change anything",
                "expected a `query` behind this route, or another method",
            ),
            (
                "a route of `rest` has the form \"METHOD /path/{argument}\"",
                "expected `GET`, `POST`, `PUT`, `PATCH` or `DELETE`, a space, and a path such as `/channels/{shardKey}/messages`",
            ),
            (
                "a route of `rest` names no function that clients may call",
                "expected the path of a `query`, a `mutation` or an `action` of this `shard!` behind this route",
            ),
        ],
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
        "shard_migration_that_drops",
        &[(
            "this migration drops what the shard still has, or its name is invalid",
            "that `tables: [..]` no longer declares",
        )],
    ),
    (
        "shard_migration_without_work",
        &[(
            "a migration of `shard!` says nothing of what it does",
            "add `on MESSAGES => { up: add_author }`, or `drops \"members\"`",
        )],
    ),
    (
        "shard_unknown_jurisdiction",
        &[(
            "`Europe` is not a jurisdiction",
            "expected `Eu`, `Us` or `FedRamp`, the variants of `lunora::platform::Jurisdiction`",
        )],
    ),
    (
        "shard_query_without_arguments",
        &[(
            "this function cannot be a query",
            "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_query_that_is_async",
        &[(
            "this function cannot be a query",
            "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_mutation_as_query",
        &[(
            "this function cannot be a query",
            "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_mutation_by_unique_reference",
        &[(
            "this function cannot be a mutation",
            "a mutation has the form `fn(ctx: &Mutation<'_>, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_action_that_is_not_async",
        &[(
            "this function cannot be an action: it is not `async`",
            "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_action_by_reference",
        &[(
            "this function cannot be an action",
            "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_arguments_without_deserialize",
        &[(
            "`Sent` cannot be the arguments of a function",
            "its second parameter, `Sent`, must implement `serde::Deserialize`",
        )],
    ),
    (
        "shard_answer_without_serialize",
        &[(
            "`Option<Message>` cannot be the answer of a function",
            "the `Ok` of its `Result`, `Option<Message>`, must implement `serde::Serialize`",
        )],
    ),
    (
        "shard_query_without_result",
        &[(
            "`u32` cannot be what a function returns",
            "a function returns `Result<Answer, LunoraError>`",
        )],
    ),
    (
        "shard_migration_without_result",
        &[(
            "this function cannot migrate documents",
            "a migration has the form `fn(old: Old) -> Result<Option<New>, LunoraError>`",
        )],
    ),
    (
        "identity_that_is_a_text",
        &[(
            "`Option<std::string::String>` cannot be what a resolver of identities returns",
            "return `Option<Identity>`, `Result<Option<Identity>, LunoraError>` or `Result<Identity, LunoraError>`",
        )],
    ),
    (
        "gate_that_returns_an_identity",
        &[(
            "`Option<Identity>` cannot be what a gate returns",
            "return `bool` or `Result<bool, LunoraError>`",
        )],
    ),
    (
        "route_that_returns_a_text",
        &[("`&str` cannot be the response of a route", "request, _env, _ctx| \"pong\")")],
    ),
    (
        "cron_that_returns_a_number",
        &[(
            "`{integer}` cannot be what a handler of a trigger, a queue or e-mails returns",
            "return `()` or `Result<(), LunoraError>`",
        )],
    ),
    (
        "queue_that_returns_a_decision",
        &[
            (
                "`QueueDecision` cannot be what a handler of a trigger, a queue or e-mails returns",
                "return `()` or `Result<(), LunoraError>`",
            ),
            (
                "`.email(..)` was already called on this builder",
                "this is the second call: keep one of the two",
            ),
        ],
    ),
    (
        "serve_of_an_unknown_event",
        &[(
            "`serve!` exports no event `mail`: expected `queue` or `email`",
            "`fetch` and `scheduled` are always exported",
        )],
    ),
    (
        "resolver_that_is_no_resolver",
        &[(
            "`&str` does not resolve identities",
            "expected a resolver, such as `resolver(async |request, env| ..)` or `first_match()`",
        )],
    ),
    (
        "shards_by_name",
        &[(
            "`&str` is not a namespace of shards",
            "expected `env.durable_object(\"SHARD\")?`, or the shards of a class: `Room::shards(namespace)`",
        )],
    ),
    (
        "malformed_function",
        &[(
            "the path of a function has the form `namespace:name`, such as \"messages:send\"",
            "evaluation of `main::CHECKED` failed inside this call",
        )],
    ),
    (
        "serve_of_an_async_function",
        &[(
            "this function cannot build the `Lunora` of a Worker",
            "required by this bound in `build`",
        )],
    ),
    (
        "serve_without_environment",
        &[(
            "this function cannot build the `Lunora` of a Worker",
            "required by this bound in `build`",
        )],
    ),
    (
        "shard_unknown_index",
        &[(
            "the table `messages` has no index `by_autor`: it has `by_creation`, `by_author`, `by_channel`",
            "evaluation of `count::CHECKED` failed inside this call",
        )],
    ),
    (
        "shard_query_that_writes",
        &[("a query cannot write", "only the `ctx.db()` of a mutation writes")],
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
fn the_first_line_of_each_case_is_ours() {
    let source = code_in(Path::new("src"));
    for (case, _) in CASES {
        let text = fs::read_to_string(format!("tests/ui/{case}.stderr")).unwrap();
        let line = text.lines().next().unwrap();
        assert!(is_ours(line, &source), "{case}: {line}");
    }
    for line in [
        "error[E0061]: this function takes 0 arguments but 1 argument was supplied",
        "error[E0277]: `Option<Identity>` is not a future",
        "error[E0282]: type annotations needed",
        "error[E0308]: mismatched types",
        "error[E0593]: function is expected to take 2 arguments, but it takes 1 argument",
        "error[E0599]: no method named `insert` found for struct `Reader<'a>` in the current scope",
        "error[E0631]: type mismatch in function arguments",
    ] {
        assert!(!is_ours(line, &source), "{line}");
    }
}

/// Whether a line has words of our code: the longest part that is in no backticks, since what is in
/// them may be a name of the application.
fn is_ours(line: &str, source: &str) -> bool {
    let (_, sentence) = line.split_once(": ").unwrap();
    let sentence = sentence.strip_prefix("evaluation panicked: ").unwrap_or(sentence);
    let words = sentence.split('`').step_by(2).max_by_key(|part| part.len()).unwrap();
    words.len() >= 12 && (source.contains(words) || source.contains(&words.replace('"', "\\\"")))
}

/// The Rust below a folder, without its comments.
fn code_in(folder: &Path) -> String {
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code += &code_in(&path);
        } else {
            let text = fs::read_to_string(path).unwrap();
            code.extend(text.lines().filter(|line| !line.trim_start().starts_with("//")));
        }
    }
    code
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
