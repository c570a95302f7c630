use super::Manifest;

const LEAST: &str = "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n";

fn problems(text: &str) -> Vec<String> {
    let problems = Manifest::parse(text).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_function_runs_what_its_path_says_unless_told_otherwise() {
    let text =
        format!("{LEAST}[functions.\"notes:add\"]\nkind = \"mutation\"\nrun = \"write::add\"\n");
    let Ok(manifest) = Manifest::parse(&text) else { unreachable!("{:?}", problems(&text)) };
    let run: Vec<String> = manifest
        .functions
        .iter()
        .map(|function| {
            let names = function.run.segments.iter().map(|segment| segment.ident.to_string());
            names.collect::<Vec<_>>().join("::")
        })
        .collect();
    assert_eq!(run, ["write::add", "notes::list"]);
}

#[test]
fn all_problems_come_at_once_each_with_its_line_and_its_fix() {
    let text = r#"shard = 7
speed = "fast"
identity = "crate::who"

[tables."no name"]
shard_by = ""

[functions.list]
kind = "read"

[[crons]]
name = "sweep"
cron = "0 * * * *"
function = "notes:sweep"
args = [1]

[backup]
bucket = "BACKUPS"
retain = 0
"#;
    assert_eq!(
        problems(text),
        [
            "lunora.toml:1: `shard` is an integer; expected a non-empty string",
            "lunora.toml:2: unknown key `speed`; expected one of shard, registry, jurisdiction, \
             admin, open, scheduled, operator_page, identity, authorize_shard, authorize_fan_out, routes, tables, functions, \
             crons, storage, sessions, globals, backup",
            "lunora.toml:3: `identity` is not a path in this crate; write it relative to the crate root, \
             such as `auth::identify`",
            "lunora.toml:5: invalid table name `no name`; expected letters, digits and `_`, with a \
             letter first",
            "lunora.toml:5: missing key `document` in `tables.no name`; add `document = \"notes::Note\"`",
            "lunora.toml:6: `shard_by` is empty; expected a non-empty string",
            "lunora.toml:8: invalid function path `list`; expected the form `namespace:name`",
            "lunora.toml:9: unknown function kind `read`; expected `query`, `mutation`, `action` or `stream`",
            "lunora.toml:14: the cron `sweep` calls the undeclared function `notes:sweep`; add \
             `[functions.\"notes:sweep\"]` or call a declared function",
            "lunora.toml:15: `args` is an array; expected a table, such as { days = 30 }",
            "lunora.toml:17: `backup` requires `admin`; add `admin = true`: shards check the admin token",
            "lunora.toml:17: `backup` requires `registry`; add `registry = \"SHARD_REGISTRY\"`",
            "lunora.toml:17: missing key `cron` in `backup`; add `cron = \"0 3 * * *\"`",
            "lunora.toml:19: `retain` is 0; expected an integer of at least 1",
        ]
    );
}

#[test]
fn what_is_no_toml_says_where() {
    let problems = problems("shard = \"SHARD\"\nregistry = \n");
    assert!(problems[0].starts_with("lunora.toml:2: invalid TOML"), "{problems:?}");
}

#[test]
fn an_empty_manifest_is_told_what_it_lacks() {
    assert_eq!(
        problems(""),
        [
            "lunora.toml:1: missing key `shard`; add `shard = \"SHARD\"`",
            "lunora.toml:1: no functions are declared; add one: `[functions.\"notes:list\"]` with \
             `kind = \"query\"`",
        ]
    );
}

#[test]
fn open_shards_have_no_gate() {
    let text = format!("open = true\nauthorize_shard = \"auth::may\"\n{LEAST}");
    assert_eq!(
        problems(&text),
        ["lunora.toml:1: `open` and `authorize_shard` exclude each other; drop one of them"]
    );
}

#[test]
fn two_crons_or_two_tables_cannot_share_a_name() {
    let cron = "[[crons]]\nname = \"a\"\ncron = \"0 * * * *\"\nfunction = \"notes:list\"\n";
    assert_eq!(
        problems(&format!("{LEAST}{cron}{cron}")),
        ["lunora.toml:9: duplicate cron name `a`; give each cron its own name"]
    );
    let tables = "[tables.ab]\ndocument = \"a::B\"\n[tables.aB]\ndocument = \"a::B\"\n\
                  [tables.a_b]\ndocument = \"a::B\"\n";
    assert_eq!(
        problems(&format!("{LEAST}{tables}")),
        [
            "lunora.toml:8: the tables `aB` and `a_b` have the same constant `A_B`; rename one of them"
        ]
    );
}

#[test]
fn a_backup_is_told_what_is_wrong_with_its_tables_and_drills() {
    let text = format!(
        "registry = \"R\"\nadmin = true\njurisdiction = \"mars\"\n{LEAST}\
         [backup]\nbucket = \"B\"\ncron = \"0 3 * * *\"\ntables = [\"notes\"]\npage_rows = 0\n\
         allow_empty_registry = 1\ndrill_shards = 5\n"
    );
    assert_eq!(
        problems(&text),
        [
            "lunora.toml:3: unknown jurisdiction `mars`; expected `eu`, `us` or `fedramp`",
            "lunora.toml:10: the backup names the undeclared table `notes`; \
             add `[tables.notes]` or name a declared table",
            "lunora.toml:11: `page_rows` is 0; expected an integer of at least 1",
            "lunora.toml:12: `allow_empty_registry` is an integer; expected true or false",
            "lunora.toml:13: `drill_shards` requires `drill`; add `drill = \"0 5 * * SUN\"` or \
             drop `drill_shards`",
        ]
    );
}

#[test]
fn a_job_on_each_shard_and_the_page_for_operators_are_told_what_they_lack() {
    let cron = "[[crons]]\nname = \"a\"\ncron = \"0 * * * *\"\nfunction = \"notes:list\"\n\
                shard_key = \"a\"\neach_shard_of = \"nothing\"\n";
    assert_eq!(
        problems(&format!("operator_page = true\n{LEAST}{cron}")),
        [
            "lunora.toml:1: `operator_page` requires `admin`; add `admin = true`: the page asks for the admin token",
            "lunora.toml:1: `operator_page` requires `registry`; add `registry = \"SHARD_REGISTRY\"`",
            "lunora.toml:10: `each_shard_of` and `shard_key` exclude each other; drop one of them",
            "lunora.toml:10: `each_shard_of` requires `registry`; add `registry = \"SHARD_REGISTRY\"`",
            "lunora.toml:10: a cron runs on each shard of the undeclared table `nothing`; \
             add `[tables.nothing]` or name a declared table",
        ]
    );
    let stream = "[functions.\"notes:tell\"]\nkind = \"stream\"\ninternal = true\n";
    assert_eq!(
        problems(&format!("{LEAST}{stream}")),
        ["lunora.toml:6: a stream cannot be internal; drop `internal`: only clients open streams"]
    );
}

#[test]
fn globals_are_told_what_is_wrong_with_their_database_and_tables() {
    assert_eq!(
        problems(&format!("{LEAST}[globals]\ndocuments = [\"crate::PLANS\"]\n")),
        [
            "lunora.toml:4: missing key `database` in `globals`; add `database = \"DB\"`",
            "lunora.toml:5: `documents` is not a path in this crate; write it relative to the crate root, \
             such as `auth::identify`",
        ]
    );
}

#[test]
fn sessions_are_told_what_is_wrong_with_their_database_and_function() {
    assert_eq!(
        problems(&format!("{LEAST}[sessions]\n")),
        [
            "lunora.toml:4: missing key `database` in `sessions`; add `database = \"DB\"`",
            "lunora.toml:4: missing key `send_code` in `sessions`; add `send_code = \"mail::send\"`",
        ]
    );
    let text = format!(
        "{LEAST}[sessions]\ndatabase = 7\nsend_code = \"crate::mail::send\"\nlifetime = 7\n"
    );
    assert_eq!(
        problems(&text),
        [
            "lunora.toml:5: `database` is an integer; expected a non-empty string",
            "lunora.toml:6: `send_code` is not a path in this crate; write it relative to the crate root, \
             such as `auth::identify`",
            "lunora.toml:7: unknown key `lifetime` in `sessions`; expected one of database, send_code",
        ]
    );
}
