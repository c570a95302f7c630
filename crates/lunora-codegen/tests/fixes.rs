//! What a fix adds, and what it leaves as it was.

mod support;

use std::{fs, io};

use lunora_codegen::{
    Place,
    wrangler::{BindingKind, Expected, Fixed, Need, check_file, fix, fix_crate},
};
use support::krate;

fn expected(needs: impl IntoIterator<Item = Need>) -> Expected {
    let place = Place { file: "src/lib.rs".into(), line: 1 };
    needs.into_iter().fold(Expected::new(), |expected, need| expected.with(need, place.clone()))
}

fn binding(kind: BindingKind, name: &str) -> Need {
    Need::Binding(kind, name.into())
}

/// One of each kind that is always fixed.
fn needs() -> Vec<Need> {
    vec![
        binding(BindingKind::DurableObject, "SHARD"),
        binding(BindingKind::Bucket, "USER_FILES"),
        binding(BindingKind::Kv, "SETTINGS"),
        binding(BindingKind::D1, "DB"),
        binding(BindingKind::Queue, "JOBS"),
        binding(BindingKind::RateLimit, "LIMITER"),
        binding(BindingKind::RateLimit, "SLOW"),
        Need::Class("Room".into()),
        Need::Cron("0 3 * * *".into()),
        Need::Cron("*/5 * * * *".into()),
    ]
}

fn fixed(file: &str, text: &str, expected: &Expected) -> Fixed {
    let fixed = fix(file, text, expected);
    fixed.unwrap_or_else(|problems| unreachable!("{problems:?}\n{text}"))
}

/// The rules of every fix, for a file whose comments each hold `note`.
fn assert_sound(file: &str, text: &str, expected: &Expected) -> Fixed {
    let once = fixed(file, text, expected);
    let errors = check_file(file, &once.text, expected).err().unwrap_or_default();
    let errors: Vec<_> = errors.into_iter().filter(lunora_codegen::Problem::is_error).collect();
    assert_eq!(errors, [], "{text}\n---\n{}", once.text);
    let again = fixed(file, &once.text, expected);
    assert_eq!((&again.text, again.changes.len()), (&once.text, 0), "{text}");
    let comments = |text: &str| -> Vec<String> {
        let parts = text.split("note").skip(1);
        parts.map(|part| part.chars().take(2).collect()).collect()
    };
    assert_eq!(comments(text), comments(&once.text), "{text}\n---\n{}", once.text);
    assert_eq!(once.changes.is_empty(), once.text == text, "{text}");
    once
}

/// Every choice of these parts, in their order.
fn choices<'p>(parts: &[&'p str]) -> Vec<Vec<&'p str>> {
    (0..1_usize << parts.len())
        .map(|bits| {
            let chosen = parts.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
            chosen.map(|(_, part)| *part).collect()
        })
        .collect()
}

const JSONC: [&str; 8] = [
    "  // note-a\n  \"durable_objects\": { \"bindings\": [] /* note-b */ }",
    "  \"r2_buckets\": [\n    { \"binding\": \"OTHER\" } // note-c\n  ]",
    "  \"triggers\": { \"crons\": [\"0 3 * * *\"] } // note-d",
    "  \"env\": { \"dev\": { \"triggers\": { \"crons\": [] } } } /* note-e */",
    "  \"triggers\": {\n    // note-f\n    \"crons\": [\n      \"0 4 * * *\" // note-g\n    ]\n  }",
    "  \"env\": {\n    // note-h\n    \"staging\": {\n      \"kv_namespaces\": [\n        { \"binding\": \"SETTINGS\" }, // note-i\n      ],\n    },\n  }",
    "  \"exports\": { \"Hall\": { \"type\": \"durable-object\", \"storage\": \"sqlite\" } }",
    "  \"ratelimits\": null, \"queues\": null",
];

#[test]
fn a_fix_of_jsonc_is_complete_idempotent_and_keeps_comments() {
    let expected = expected(needs());
    for members in choices(&JSONC) {
        for (comma, end, line) in [("", "\n", "\n"), (",", "\n", "\n"), ("", "", "\r\n")] {
            let mut lines = vec!["  \"compatibility_date\": \"2026-04-01\"".to_owned()];
            lines.extend(members.iter().map(|member| (*member).to_owned()));
            let text = format!("{{ // note-0\n{}{comma} // note-z\n}}{end}", joined(&lines));
            assert_sound("wrangler.jsonc", &text.replace('\n', line), &expected);
        }
    }
}

/// The members, with commas on lines of their own: a member may end in a comment.
fn joined(members: &[String]) -> String {
    let mut text = String::new();
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            text.push_str("\n  ,\n");
        }
        text.push_str(member);
    }
    text.push('\n');
    text
}

const TOML: [&str; 7] = [
    "[[r2_buckets]] # note-a\nbinding = \"OTHER\"\n",
    "[triggers]\n# note-b\ncrons = [\"0 3 * * *\"] # note-c\n",
    "[env.dev.triggers]\ncrons = [\n  \"0 4 * * *\", # note-d\n  # note-e\n]\n",
    "[env.staging]\n# note-f\nkv_namespaces = [{ binding = \"SETTINGS\" }] # note-g\n",
    "[[migrations]]\ntag = \"v2\" # note-h\nnew_sqlite_classes = [\"Hall\"]\n",
    "[durable_objects]\nbindings = [\n  # note-i\n  { name = \"OTHER\", class_name = \"Hall\" } # note-j\n]\n",
    "# note-k\n",
];

#[test]
fn a_fix_of_toml_is_complete_idempotent_and_keeps_comments() {
    let expected = expected(needs());
    for sections in choices(&TOML) {
        let text =
            format!("# note-0\ncompatibility_date = \"2026-04-01\"\n\n{}", sections.join("\n"));
        assert_sound("wrangler.toml", &text, &expected);
        assert_sound("wrangler.toml", &text.replace('\n', "\r\n"), &expected);
    }
}

#[test]
fn every_way_to_write_a_table_in_toml_is_added_to() {
    let expected = expected(needs());
    for text in [
        "triggers = { crons = [\"0 4 * * *\"] } # note-a\n",
        "triggers.crons = [] # note-a\n",
        "durable_objects.bindings = [{ name = \"X\", class_name = \"Hall\" }] # note-a\n",
        "durable_objects = { bindings = [] } # note-a\n",
        "env = { dev = {}, staging = { triggers = { crons = [] } } } # note-a\n",
        "env.dev.triggers.crons = [\"0 4 * * *\"] # note-a\n",
        "queues = {}\nmigrations = [] # note-a\n",
        "[exports.Hall] # note-a\ntype = \"durable-object\"\nstorage = \"sqlite\"\n",
        "r2_buckets = [\n  { binding = \"A\" } # note-a\n  # note-b\n]\n",
        "r2_buckets = [\n  { binding = \"A\" } # note-a\n  , # note-b\n]\n",
    ] {
        let text = format!("compatibility_date = \"2026-04-01\"\n{text}");
        assert_sound("wrangler.toml", &text, &expected);
    }
}

#[test]
fn a_file_that_ends_early_never_panics() {
    let expected = expected(needs());
    let (jsonc, toml) = (format!("{{{}", JSONC.join(",")), TOML.concat());
    for end in 0..jsonc.len().max(toml.len()) {
        let _ = fix("wrangler.jsonc", jsonc.get(..end).unwrap_or_default(), &expected);
        let _ = fix("wrangler.toml", toml.get(..end).unwrap_or_default(), &expected);
    }
}

const JSON_TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ",",
    "\n",
    " // note\n",
    "/* note */",
    "null",
    "\"\"",
    "1",
    "\"env\":{\"x\":{",
    "\"env\":",
    "\"durable_objects\":{\"bindings\":[",
    "\"durable_objects\":",
    "{\"name\":\"SHARD\",\"class_name\":\"Hall\"}",
    "\"r2_buckets\":[",
    "\"r2_buckets\":",
    "{\"binding\":\"USER_FILES\"}",
    "\"triggers\":{\"crons\":[",
    "\"triggers\":",
    "\"migrations\":[{",
    "\"exports\":{\"Hall\":{\"type\":\"durable-object\"}",
];
const TOML_TOKENS: [&str; 22] = [
    "=",
    "\n",
    "\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    " # note\n",
    "\"a\"",
    "env.x.",
    "\n[env.x]\n",
    "\n[env.x.triggers]\n",
    "crons=[",
    "\n[triggers]\n",
    "triggers.",
    "\n[[r2_buckets]]\n",
    "r2_buckets=[",
    "binding=\"USER_FILES\"\n",
    "\n[[durable_objects.bindings]]\n",
    "durable_objects=",
    "migrations=[",
];

/// What a number generator makes of tokens.
fn random(seed: u64, tokens: &[&str]) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or_default() % below
    };
    for _ in 0..next(14) + 1 {
        text.push_str(tokens[next(tokens.len())]);
    }
    text
}

/// The text with an end for everything that it begins.
fn closed(text: &str) -> String {
    let mut open = Vec::new();
    for char in text.chars() {
        match char {
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => drop(open.pop()),
            _ => {}
        }
    }
    text.chars().chain(open.into_iter().rev()).collect()
}

#[test]
fn a_second_fix_of_any_file_adds_nothing() {
    let expected = expected(needs());
    let mut fixes = [0; 2];
    for seed in 0..6_000 {
        let jsonc = closed(&format!("{{{}", random(seed, &JSON_TOKENS)));
        for (kind, file, text) in
            [(0, "wrangler.jsonc", jsonc), (1, "wrangler.toml", random(seed, &TOML_TOKENS))]
        {
            let Ok(once) = fix(file, &text, &expected) else { continue };
            fixes[kind] += 1;
            let again = fixed(file, &once.text, &expected);
            assert_eq!((again.changes, &again.text), (Vec::new(), &once.text), "{file}: {text}");
            let notes = |text: &str| text.matches("note").count();
            assert_eq!(notes(&text), notes(&once.text), "{file}: {text}\n---\n{}", once.text);
        }
    }
    assert!(fixes.iter().all(|count| *count > 50), "{fixes:?}");
}

#[test]
fn entries_are_written_in_the_style_of_the_file() {
    let text = r#"{
    // The date.
    "compatibility_date": "2026-04-01",
    "r2_buckets": [
        { "binding": "OTHER", "bucket_name": "other" }, // Kept.
    ],
    "triggers": { "crons": ["0 3 * * *"] },
}
"#;
    let needs = [
        binding(BindingKind::Bucket, "FILES"),
        Need::Cron("0 4 * * *".into()),
        Need::Class("Room".into()),
    ];
    let fixed = assert_sound("wrangler.jsonc", text, &expected(needs));
    assert_eq!(
        fixed.text,
        r#"{
    // The date.
    "compatibility_date": "2026-04-01",
    "r2_buckets": [
        { "binding": "OTHER", "bucket_name": "other" }, // Kept.
        {
            "binding": "FILES",
            "bucket_name": "files",
        },
    ],
    "triggers": { "crons": ["0 3 * * *", "0 4 * * *"] },
    "migrations": [
        {
            "tag": "v1",
            "new_sqlite_classes": ["Room"],
        },
    ],
}
"#
    );
    let changes: Vec<String> = fixed.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        [
            "added { \"binding\": \"FILES\", \"bucket_name\": \"files\" } to `r2_buckets`; check \
             `bucket_name`, chosen from the binding",
            "added \"0 4 * * *\" to `triggers.crons`",
            "added { \"tag\": \"v1\", \"new_sqlite_classes\": [\"Room\"] } to `migrations`",
        ]
    );
}

#[test]
fn entries_of_toml_are_written_in_the_style_of_the_file() {
    let text = "compatibility_date = \"2026-04-01\"\n\n[[r2_buckets]]\nbinding = \"OTHER\"\n\n[triggers]\ncrons = [\n  \"0 3 * * *\", # Nightly.\n]\n";
    let needs = [
        binding(BindingKind::Bucket, "FILES"),
        Need::Cron("0 4 * * *".into()),
        binding(BindingKind::RateLimit, "LIMITER"),
    ];
    let fixed = assert_sound("wrangler.toml", text, &expected(needs));
    assert_eq!(
        fixed.text,
        "compatibility_date = \"2026-04-01\"\n\n[[r2_buckets]]\nbinding = \"OTHER\"\n\n[[r2_buckets]]\nbinding = \"FILES\"\nbucket_name = \"files\"\n\n[triggers]\ncrons = [\n  \"0 3 * * *\", # Nightly.\n  \"0 4 * * *\",\n]\n\n[[ratelimits]]\nname = \"LIMITER\"\nnamespace_id = \"1001\"\nsimple = { limit = 100, period = 60 }\n"
    );
}

#[test]
fn each_environment_gets_resources_of_its_own() {
    let text = r#"{ "compatibility_date": "2026-04-01",
        "r2_buckets": [{ "binding": "FILES", "bucket_name": "of-production" }],
        "services": [{ "binding": "AUTH", "service": "auth" }],
        "env": { "staging": {} } }"#;
    let needs = [binding(BindingKind::Bucket, "FILES"), binding(BindingKind::Service, "AUTH")];
    let fixed = assert_sound("wrangler.json", text, &expected(needs));
    let changes: Vec<_> = fixed.changes.iter().map(|change| change.entry.as_str()).collect();
    assert_eq!(
        changes,
        [
            "{ \"binding\": \"FILES\", \"bucket_name\": \"files-staging\" }",
            "{ \"binding\": \"AUTH\", \"service\": \"auth\" }"
        ]
    );
}

#[test]
fn leaves_what_cannot_be_known_and_what_is_in_the_way() {
    let text = r#"{ "compatibility_date": "2026-04-01", "r2_buckets": "none" }"#;
    let needs = [
        Need::Cron("0 0 30 2 *".into()),
        binding(BindingKind::Service, "AUTH"),
        binding(BindingKind::Bucket, "FILES"),
        binding(BindingKind::DurableObject, "COUNTER"),
    ];
    let fixed = fixed("wrangler.jsonc", text, &expected(needs));
    assert_eq!((fixed.text.as_str(), fixed.changes.len()), (text, 0));
    assert_eq!(fixed.left.len(), 4, "{:?}", fixed.left);
}

#[test]
fn rejects_a_file_that_cannot_be_parsed() {
    assert!(fix("wrangler.jsonc", "{ \"a\": ", &Expected::new()).is_err());
    assert!(fix("wrangler.toml", "a = ", &Expected::new()).is_err());
    assert!(fix("wrangler.jsonc", "[]", &Expected::new()).is_err());
}

#[test]
fn a_crate_with_shards_and_a_registry_gets_all_it_needs() -> io::Result<()> {
    let code = r#"
        lunora::shard! { pub struct Room; functions: {}, registry: "SHARD_REGISTRY" }
        lunora::shard_registry! { pub struct Registry; }
        fn app(env: &Env) {
            let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
            env.durable_object("SHARD")?;
        }"#;
    let files = [
        ("wrangler.jsonc", "\u{feff}{ \"compatibility_date\": \"2026-04-01\" }"),
        ("src/lib.rs", code),
    ];
    let dir = krate("fix-shards", &files)?;
    let fixed = fix_crate(&dir).map_err(|problems| io::Error::other(format!("{problems:?}")))?;
    assert_eq!(fixed.left, []);
    let written = fs::read_to_string(dir.join("wrangler.jsonc"))?;
    assert_eq!(written, fixed.text);
    assert!(written.starts_with('\u{feff}'));
    for (name, class) in [("SHARD", "Room"), ("SHARD_REGISTRY", "Registry")] {
        let entry = format!("{{ \"name\": {name:?}, \"class_name\": {class:?} }}");
        assert!(fixed.changes.iter().any(|change| change.entry == entry), "{:?}", fixed.changes);
    }
    let migrations = fixed.changes.iter().filter(|change| change.list == "migrations");
    assert_eq!(migrations.count(), 1, "{:?}", fixed.changes);
    assert_eq!(lunora_codegen::wrangler::check_crate(&dir), Ok(()));
    Ok(())
}

#[test]
fn a_bucket_for_backups_is_where_the_shards_are() -> io::Result<()> {
    let code = r#"
        lunora::shard! { pub struct Room; functions: {}, jurisdiction: Eu }
        fn app(env: &Env) { config.store(env.bucket("BACKUPS")?); env.bucket("FILES")?; }"#;
    let files =
        [("wrangler.jsonc", "{ \"compatibility_date\": \"2026-04-01\" }"), ("src/lib.rs", code)];
    let dir = krate("fix-jurisdiction", &files)?;
    let fixed = fix_crate(&dir).map_err(|problems| io::Error::other(format!("{problems:?}")))?;
    assert_eq!(fixed.left, []);
    let inside: Vec<_> = (fixed.changes.iter().map(|change| change.entry.as_str()))
        .filter(|entry| entry.contains("\"jurisdiction\": \"eu\""))
        .collect();
    assert!(inside.len() == 1 && inside[0].contains("BACKUPS"), "{:?}", fixed.changes);
    Ok(())
}

#[test]
fn classes_of_an_entry_that_is_to_be_generated_are_named_after_their_bindings() -> io::Result<()> {
    let manifest = "shard = \"SHARD\"\nregistry = \"SHARD_REGISTRY\"\n\
                    [functions.\"notes:list\"]\nkind = \"query\"\n\
                    [backup]\nbucket = \"BACKUPS\"\ncron = \"0 3 * * *\"\n";
    let manifest = manifest.replace("[functions", "admin = true\n[functions");
    let files = [
        ("wrangler.toml", "compatibility_date = \"2026-04-01\"\n"),
        ("src/lib.rs", ""),
        ("lunora.toml", manifest.as_str()),
    ];
    let dir = krate("fix-manifest", &files)?;
    let fixed = fix_crate(&dir).map_err(|problems| io::Error::other(format!("{problems:?}")))?;
    assert_eq!(fixed.left, [], "{}", fixed.text);
    let entry = lunora_codegen::generate_crate(&dir, "lunora codegen");
    let entry = entry.map_err(|problems| io::Error::other(format!("{problems:?}")))?;
    assert!(entry.contains("pub struct Shard;") && entry.contains("pub struct ShardRegistry;"));
    Ok(())
}
