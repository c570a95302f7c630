//! What an operator learns of tables and functions.

use super::{
    admin::{TOKEN, ok},
    operator::{Item, Place},
    *,
};

#[test]
fn a_table_is_described_as_it_is_declared() {
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Everything {
        text: String,
        whole_number: u32,
        real: Option<f64>,
        flag: bool,
        list: Vec<String>,
        place: Place,
        kind: Kind,
        when: crate::wire::value::Date,
        anything: crate::wire::value::Value,
        #[serde(default)]
        with_default: i64,
    }
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Big,
        Small,
    }
    const ALL: Table<Everything> = table!("everything").shard_by("text");
    #[derive(Deserialize, Serialize)]
    struct Wrapped(Item);
    const WRAPPED: Table<Wrapped> = table!("wrapped");

    let tables = ShardDefinition::new().table(ALL).table(MESSAGES).table(NOTES).table(WRAPPED);
    let operator = TestShard::new(tables).admin_token(TOKEN);
    let describe = |table: &str| ok(operator.admin("describeTable", &json!({ "table": table })));
    let fields = |table: &str| {
        let fields = describe(table)["fields"].as_array().unwrap().clone();
        let field = |field: Value| {
            let optional = if field["optional"] == true { "?" } else { "" };
            let text = |name: &str| field[name].as_str().unwrap().to_owned();
            format!("{}{optional}: {}", text("name"), text("type"))
        };
        fields.into_iter().map(field).collect::<Vec<_>>()
    };
    assert_eq!(
        fields("everything"),
        [
            "text: string",
            "wholeNumber: u32",
            "real?: f64",
            "flag: boolean",
            "list: array",
            "place: object",
            "kind: `big` or `small`",
            "when: date",
            "anything?: any",
            "withDefault: i64",
        ]
    );
    assert_eq!(fields("wrapped"), ["n?: i64", "text?: string", "place?: object"]);
    assert_eq!(describe("everything")["shardBy"], "text");
    let notes = describe("notes");
    assert_eq!((&notes["fields"], &notes["softDelete"]), (&json!(null), &json!(true)));
    let indexes = json!([
        { "name": "by_creation", "columns": ["_creationTime"], "directions": ["asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_author", "columns": ["author"], "directions": ["asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_author_rank", "columns": ["author", "rank"], "directions": ["asc", "asc"], "partition": [], "rank": false, "unique": false },
        { "name": "by_rank", "columns": ["rank"], "directions": ["desc"], "partition": ["author"], "rank": true, "unique": false },
        { "name": "everybody", "columns": ["rank", "text"], "directions": ["asc", "desc"], "partition": [], "rank": true, "unique": false },
    ]);
    assert_eq!(describe("messages")["indexes"], indexes);
    let messages = json!({ "table": "messages" });
    assert_eq!(ok(operator.admin("listTableIndexes", &messages)), indexes);
    let all = ok(operator.admin("listTablesIndexes", &json!({})));
    assert_eq!((&all[1]["table"], &all[1]["indexes"]), (&json!("messages"), &indexes));
    let all = ok(operator.admin("describeTables", &json!({})));
    assert_eq!((all.as_array().unwrap().len(), &all[1]), (4, &describe("messages")));
    assert_eq!(describe("messages")["rowCount"], 0);
    let unknown = operator.admin("describeTable", &json!({ "table": "nope" }));
    assert_eq!(code_of(&unknown), (404, "UNKNOWN_TABLE"));
}

#[test]
fn failures_of_functions_are_kept_without_arguments_and_tokens() {
    #[derive(Deserialize)]
    struct Fail {
        code: u16,
    }
    fn fail(_: &Query<'_>, args: Fail) -> Result<(), LunoraError> {
        Err(LunoraError::custom("BROKEN", args.code, "the answer broke".repeat(200)))
    }
    fn write(_: &Mutation<'_>, args: Fail) -> Result<(), LunoraError> {
        Err(LunoraError::custom("BROKEN", args.code, "the write broke"))
    }
    let functions = ShardDefinition::new().query("a:fail", fail).mutation("a:write", write);
    let operator = TestShard::new(functions).admin_token(TOKEN);
    let logs = |args: Value| ok(operator.admin("getLogs", &args))["entries"].clone();
    let _ = operator.answer("a:fail", &json!({ "code": 400, "secret": "hunter2" }));
    let _ = operator.answer("a:unknown", &json!({}));
    assert_eq!(logs(json!({})), json!([]));

    let _ = operator.answer("a:fail", &json!({ "code": 500, "secret": "hunter2" }));
    let _ = operator.run_query("a:fail", &json!({ "code": 500, "secret": "hunter2" }));
    operator.clock().advance(std::time::Duration::from_secs(1));
    let sent = operator.with_header("x-lunora-mutation-id", "m1");
    let _ = sent.answer("a:write", &json!({ "code": 503, "secret": "hunter2" }));
    let kept = logs(json!({}));
    assert_eq!(
        kept[0],
        json!({
            "ts": 1_700_000_001_000_u64, "level": "error", "functionPath": "a:write", "code": "BROKEN",
            "message": "503 BROKEN: the write broke", "mutationId": "m1",
        })
    );
    assert_eq!(kept[1]["message"].as_str().unwrap().len(), 2048);
    assert_eq!((kept.as_array().unwrap().len(), &kept[1]), (3, &kept[2]));
    let text = kept.to_string();
    assert!(!text.contains("hunter2") && !text.contains(TOKEN), "{text}");
    assert_eq!(logs(json!({ "limit": 1, "level": "error" })), json!([kept[0]]));
    assert_eq!(logs(json!({ "level": "warn" })), json!([]));

    for _ in 0..250 {
        let _ = operator.answer("a:write", &json!({ "code": 500 }));
    }
    assert_eq!(logs(json!({ "limit": 1000 })).as_array().unwrap().len(), 200);
    let stats = ok(operator.admin("getFunctionStats", &json!({})));
    assert_eq!(
        stats["functions"],
        json!([
            { "functionPath": "a:fail", "calls": 2, "errors": 2 },
            { "functionPath": "a:write", "calls": 251, "errors": 251 },
        ])
    );
}
