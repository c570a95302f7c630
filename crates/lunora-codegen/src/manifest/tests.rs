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
            "lunora.toml:1: `shard` is integer; make it a text that is not empty",
            "lunora.toml:2: the manifest knows no `speed`; it may have shard, registry, jurisdiction, \
             admin, open, identity, authorize_shard, authorize_fan_out, routes, tables, functions, \
             crons, storage, backup",
            "lunora.toml:3: `identity` is not a path in this crate; write it from the crate's root on: \
             `auth::identify`",
            "lunora.toml:5: `tables.no name` lacks `document`; add `document = \"notes::Note\"`",
            "lunora.toml:5: invalid table name `no name`; use letters, digits and `_`",
            "lunora.toml:6: `shard_by` is string; make it a text that is not empty",
            "lunora.toml:8: invalid function path `list`; give it the form `namespace:name`",
            "lunora.toml:9: unknown function kind `read`; use `query`, `mutation` or `action`",
            "lunora.toml:14: the cron `sweep` calls `notes:sweep`, which is not a function here; add \
             `[functions.\"notes:sweep\"]`, or call one that is there",
            "lunora.toml:15: `args` is array; make it a table, such as { days = 30 }",
            "lunora.toml:17: `backup` lacks `cron`; add `cron = \"0 3 * * *\"`",
            "lunora.toml:17: `backup` lacks what it needs; add `admin = true`: shards check its token",
            "lunora.toml:17: `backup` lacks what it needs; add `registry = \"SHARD_REGISTRY\"`",
            "lunora.toml:19: `retain` is integer; make it a whole number from 1 on",
        ]
    );
}

#[test]
fn what_is_no_toml_says_where() {
    let problems = problems("shard = \"SHARD\"\nregistry = \n");
    assert!(problems[0].starts_with("lunora.toml:2: it is not TOML"), "{problems:?}");
}

#[test]
fn an_empty_manifest_is_told_what_it_lacks() {
    assert_eq!(
        problems(""),
        [
            "lunora.toml:1: the manifest lacks `shard`; add `shard = \"SHARD\"`",
            "lunora.toml:1: there are no functions; add one: `[functions.\"notes:list\"]` with \
             `kind = \"query\"`",
        ]
    );
}

#[test]
fn open_shards_have_no_gate() {
    let text = format!("open = true\nauthorize_shard = \"auth::may\"\n{LEAST}");
    assert_eq!(
        problems(&text),
        ["lunora.toml:1: shards cannot be open and have a gate; drop it, or `authorize_shard`"]
    );
}

#[test]
fn two_crons_or_two_tables_cannot_share_a_name() {
    let cron = "[[crons]]\nname = \"a\"\ncron = \"0 * * * *\"\nfunction = \"notes:list\"\n";
    assert_eq!(
        problems(&format!("{LEAST}{cron}{cron}")),
        ["lunora.toml:9: two crons have the name `a`; give each a name of its own"]
    );
    let tables = "[tables.ab]\ndocument = \"a::B\"\n[tables.aB]\ndocument = \"a::B\"\n\
                  [tables.a_b]\ndocument = \"a::B\"\n";
    assert_eq!(
        problems(&format!("{LEAST}{tables}")),
        ["lunora.toml:8: the tables `aB` and `a_b` would have one constant, `A_B`; rename one"]
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
            "lunora.toml:3: unknown jurisdiction `mars`; use `eu`, `us` or `fedramp`",
            "lunora.toml:10: the backup names `notes`, which is not a table here; \
             add `[tables.notes]`, or name one that is there",
            "lunora.toml:11: `page_rows` is integer; make it a whole number from 1 on",
            "lunora.toml:12: `allow_empty_registry` is integer; make it true or false",
            "lunora.toml:13: `drill_shards` lacks a drill; add `drill = \"0 5 * * SUN\"`, or drop it",
        ]
    );
}
