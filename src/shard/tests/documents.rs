//! Documents: stored, found, ordered, paged.

use super::*;
use crate::errors::Code;

#[test]
fn a_document_keeps_its_id_and_time_through_every_write() {
    let shard = shard();
    let sent = say(&shard, "one");
    assert_eq!((sent.id.len(), sent.creation_time), (26, 1_700_000_000_000.0));
    shard.clock().advance(std::time::Duration::from_secs(5));
    let patched = mutate(&shard, |ctx| {
        ctx.db().patch(MESSAGES, &sent.id, &json!({ "text": "two", "rank": 3 }))
    });
    let patched = patched.unwrap();
    assert_eq!((&patched.id, patched.creation_time), (&sent.id, sent.creation_time));
    assert_eq!((&*patched.text, &*patched.author, patched.rank), ("two", "ada", Some(3.0)));
    let replaced =
        mutate(&shard, |ctx| ctx.db().replace(MESSAGES, &sent.id, message("bob", "three")));
    assert_eq!(replaced.unwrap().creation_time, sent.creation_time);
    let (read, _) = query(&shard, |ctx| ctx.db().get(MESSAGES, &sent.id)).unwrap();
    assert_eq!(read.unwrap().value, message("bob", "three"));
}

#[test]
fn an_absent_document_is_not_found() {
    let shard = shard();
    let gone =
        |result: Result<Document<Message>, LunoraError>| result.unwrap_err().code().to_owned();
    assert_eq!(gone(mutate(&shard, |ctx| ctx.db().patch(MESSAGES, "x", &json!({})))), "NOT_FOUND");
    assert_eq!(
        gone(mutate(&shard, |ctx| ctx.db().replace(MESSAGES, "x", message("", "")))),
        "NOT_FOUND"
    );
    assert!(!mutate(&shard, |ctx| ctx.db().delete(MESSAGES, "x")).unwrap());
    assert_eq!(query(&shard, |ctx| ctx.db().get(MESSAGES, "x")).unwrap().0, None);
    const OTHER: Table<Message> = table!("other");
    let unknown = query(&shard, |ctx| ctx.db().get(OTHER, "x"));
    assert_eq!(unknown.unwrap_err().code(), Code::UnknownTable.as_str());
}

#[test]
fn an_id_of_the_callers_own_is_used_once() {
    let shard = shard();
    let insert = |id: &str| {
        mutate(&shard, |ctx| ctx.db().insert_with_id(MESSAGES, id, message("ada", "x")))
            .map(|document| document.id)
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(insert("mine"), Ok("mine".to_owned()));
    assert_eq!(insert("mine"), Err("CONFLICT".to_owned()));
    assert_eq!(insert(""), Err("VALIDATION_ERROR".to_owned()));
    assert_eq!(insert(&"x".repeat(257)), Err("VALIDATION_ERROR".to_owned()));
    assert_eq!(texts(&shard), ["x"]);
}

#[test]
fn a_taken_id_can_be_handled_within_the_mutation() {
    let shard = shard();
    let outcome = mutate(&shard, |ctx| {
        ctx.db().insert_with_id(MESSAGES, "a", message("ada", "first"))?;
        let taken = ctx.db().insert_with_id(MESSAGES, "a", message("ada", "second"));
        assert_eq!(taken.unwrap_err().code(), "CONFLICT");
        ctx.db().insert_with_id(MESSAGES, "b", message("ada", "third"))
    });
    assert!(outcome.is_ok());
    assert_eq!(texts(&shard), ["first", "third"]);
}

#[test]
fn the_text_of_values_survives() {
    let shard = shard();
    let body = r#"{"functionPath":"notes:put","args":{"id":"a","note":{"when":["$lunora.wire$","date",5],"big":["$lunora.wire$","bigint","9007199254740993"],"odd \"name\" é":" \u0000 💬"}}}"#;
    assert_eq!(shard.post("/rpc", body).0, 200);
    let (_, answer) = shard.answer("notes:list", &json!({}));
    let note = &answer["result"][0];
    assert_eq!(note["when"], json!(["$lunora.wire$", "date", 5]));
    assert_eq!(note["big"][2], "9007199254740993");
    assert_eq!(note["odd \"name\" é"], " \0 💬");

    #[derive(Deserialize, Serialize)]
    struct Big {
        n: u64,
    }
    const BIGS: Table<Big> = table!("bigs").index("by_n", &["n"]);
    let shard = TestShard::new(ShardDefinition::new().table(BIGS));
    let n = u64::MAX / 4 + 1;
    mutate(&shard, |ctx| ctx.db().insert(BIGS, Big { n })).unwrap();
    let found = |n: i64| {
        query(&shard, |ctx| ctx.db().table(BIGS).index("by_n").eq("n", n).first()).unwrap().0
    };
    let n = i64::try_from(n).unwrap();
    assert_eq!(found(n).map(|big| big.n), u64::try_from(n).ok());
    assert!(found(n + 1).is_none());
}

#[test]
fn only_objects_are_documents_and_the_underscore_is_ours() {
    let shard = shard();
    let put = |note: Value| {
        code_of(&shard.answer("notes:put", &json!({ "id": "a", "note": note }))).1.to_owned()
    };
    assert_eq!(put(json!({ "_id": "b" })), "VALIDATION_ERROR");
    assert_eq!(put(json!({ "_deletedAt": 5 })), "VALIDATION_ERROR");
    assert_eq!(put(json!({ "_anything": 5 })), "VALIDATION_ERROR");
    assert_eq!(put(json!([])), "RPC_FAILED");
    assert_eq!(put(json!(5)), "RPC_FAILED");
    assert_eq!(put(json!({})), "no error");
}

#[test]
fn a_patch_that_breaks_the_type_is_not_stored() {
    let shard = shard();
    let sent = say(&shard, "fine");
    let patched = mutate(&shard, |ctx| {
        let _ = ctx.db().patch(MESSAGES, &sent.id, &json!({ "text": 7 }));
        Ok(())
    });
    assert_eq!(patched.unwrap_err().code(), "RPC_FAILED");
    assert_eq!(texts(&shard), ["fine"]);
}

#[test]
fn documents_of_one_millisecond_stay_in_their_order() {
    let shard = shard();
    let said: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    said.iter().for_each(|text| drop(say(&shard, text)));
    assert_eq!(texts(&shard), said);
    let newest = query(&shard, |ctx| ctx.db().table(MESSAGES).order(Direction::Desc).take(3));
    let newest: Vec<_> = newest.unwrap().0.into_iter().map(|message| message.value.text).collect();
    assert_eq!(newest, ["49", "48", "47"]);
}

fn ranked(shard: &TestShard) {
    mutate(shard, |ctx| {
        for (author, rank) in [
            ("ada", Some(2.0)),
            ("bob", Some(1.0)),
            ("ada", None),
            ("ada", Some(1.0)),
            ("ada", Some(3.5)),
        ] {
            let text = rank.map_or("none".to_owned(), |rank: f64| rank.to_string());
            ctx.db().insert(MESSAGES, Message { rank, ..message(author, &text) })?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_index_finds_orders_and_bounds() {
    let shard = shard();
    ranked(&shard);
    type Found = Vec<Document<Message>>;
    let texts =
        |ask: &dyn Fn(TableQuery<'_, Message>) -> Result<Found, LunoraError>| -> Vec<String> {
            let (found, _) = query(&shard, |ctx| ask(ctx.db().table(MESSAGES))).unwrap();
            found.into_iter().map(|message| message.value.text).collect()
        };
    assert_eq!(
        texts(&|all| all.index("by_author").eq("author", "ada").collect()),
        ["2", "none", "1", "3.5"]
    );
    let by = |all: TableQuery<'_, Message>, direction| {
        all.index("by_author_rank").eq("author", "ada").order(direction).collect()
    };
    assert_eq!(texts(&|all| by(all, Direction::Asc)), ["none", "1", "2", "3.5"]);
    assert_eq!(texts(&|all| by(all, Direction::Desc)), ["3.5", "2", "1", "none"]);
    assert_eq!(
        texts(&|all| all
            .index("by_author_rank")
            .eq("author", "ada")
            .gt("rank", 1)
            .lte("rank", 3.5)
            .collect()),
        ["2", "3.5"]
    );
    assert_eq!(
        texts(&|all| all.index("by_author_rank").eq("author", "ada").lt("rank", 2).collect()),
        ["1"]
    );
    assert_eq!(
        texts(&|all| all
            .index("by_author_rank")
            .eq("author", "ada")
            .eq("rank", None::<f64>)
            .collect()),
        ["none"]
    );
    assert_eq!(
        texts(&|all| all.gte("_creationTime", 1_700_000_000_001.0).collect()),
        Vec::<String>::new()
    );
    let (count, _) = query(&shard, |ctx| {
        ctx.db().table(MESSAGES).index("by_author").eq("author", "ada").count()
    })
    .unwrap();
    assert_eq!(count, 4);
}

#[test]
fn an_index_is_used_not_only_obeyed() {
    let shard = shard();
    ranked(&shard);
    let plan = |sql: &str, params: &[SqlCell]| {
        let rows = shard.host().exec(&format!("EXPLAIN QUERY PLAN {sql}"), params).unwrap();
        format!("{:?}", rows.rows)
    };
    let key = crate::shard::db::key::expression;
    let filter = format!("{}=? AND {}>=+CAST(? AS INTEGER)", key("author"), key("rank"));
    let order = format!("{} ASC,\"_creationTime\" ASC,\"_id\" ASC", key("rank"));
    let sql =
        format!("SELECT \"doc\" FROM \"messages\" WHERE 1 AND {filter} ORDER BY {order} LIMIT 5");
    let plan = plan(&sql, &[SqlCell::Text("ada".into()), SqlCell::Text("1".into())]);
    assert!(plan.contains("messages.by_author_rank") && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn the_widest_index_stays_within_the_limits_of_the_platform() {
    const WIDE: Table = table!("wide").index(
        "all",
        &["field_one", "field_two", "field_three", "field_four", "five", "six", "seven", "eight"],
    );
    let shard = TestShard::new(ShardDefinition::new().table(WIDE));
    mutate(&shard, |ctx| {
        for _ in 0..5 {
            ctx.db().insert(WIDE, crate::wire::value::Value::from_wire("{}").unwrap())?;
        }
        Ok(())
    })
    .unwrap();
    for direction in [Direction::Asc, Direction::Desc] {
        let (mut cursor, mut seen) = (None::<String>, 0);
        loop {
            let (page, _) = query(&shard, |ctx| {
                let all = ctx.db().table(WIDE).index("all").order(direction);
                all.paginate(cursor.as_deref(), 2)
            })
            .unwrap();
            seen += page.page.len();
            if page.is_done {
                break;
            }
            cursor = Some(page.continue_cursor);
        }
        assert_eq!(seen, 5);
    }
}

#[test]
fn an_index_that_does_not_fit_names_the_fix() {
    let shard = shard();
    let wrong = |ask: &dyn Fn(TableQuery<'_, Message>) -> Result<u64, LunoraError>| {
        query(&shard, |ctx| ask(ctx.db().table(MESSAGES))).unwrap_err().message().to_owned()
    };
    assert!(wrong(&|all| all.index("nope").count()).contains("no index \"nope\""));
    assert!(wrong(&|all| all.index("by_rank").count()).contains("no index \"by_rank\""));
    assert!(wrong(&|all| all.eq("author", "ada").count()).contains("by_creation"));
    assert!(
        wrong(&|all| all.index("by_author_rank").eq("rank", 1).count()).contains("first fields")
    );
    assert!(
        wrong(&|all| all.index("by_author_rank").gt("rank", 1).count())
            .contains("a bound on \"rank\"")
    );
    assert!(
        wrong(&|all| all.index("by_author").gt("author", None::<f64>).count())
            .contains("expected a value")
    );
}

#[test]
fn names_and_values_are_no_statements() {
    let shard = shard();
    let evil = "x' OR '1'='1\"; DROP TABLE messages; --";
    say(&shard, evil);
    let by_evil =
        query(&shard, |ctx| ctx.db().table(MESSAGES).index("by_author").eq("author", evil).count());
    assert_eq!(by_evil.unwrap().0, 0);
    assert!(query(&shard, |ctx| ctx.db().table(MESSAGES).index(evil).count()).is_err());
    assert!(query(&shard, |ctx| ctx.db().table(MESSAGES).eq(evil, 1).count()).is_err());
    assert_eq!(query(&shard, |ctx| ctx.db().get(MESSAGES, evil)).unwrap().0, None);
    assert_eq!(texts(&shard), [evil]);
}

#[test]
fn a_unique_query_refuses_two() {
    let shard = shard();
    let unique = || {
        query(&shard, |ctx| {
            ctx.db().table(MESSAGES).index("by_author").eq("author", "ada").unique()
        })
        .map(|(found, _)| found.map(|message| message.value.text))
        .map_err(|error| error.code().to_owned())
    };
    assert_eq!(unique(), Ok(None));
    say(&shard, "one");
    assert_eq!(unique(), Ok(Some("one".to_owned())));
    say(&shard, "two");
    assert_eq!(unique(), Err("NOT_UNIQUE".to_owned()));
}

#[test]
fn pages_deliver_what_stays_once_whatever_is_written_between_them() {
    for direction in [Direction::Asc, Direction::Desc] {
        let shard = shard();
        let stays: Vec<_> = (0..30)
            .map(|n| {
                let rank = if n % 3 == 0 { None } else { Some(f64::from(n % 5) / 2.0) };
                let value = Message { rank, ..message("ada", &format!("stays {n}")) };
                mutate(&shard, |ctx| ctx.db().insert(MESSAGES, value)).unwrap().value.text
            })
            .collect();
        let (mut cursor, mut seen, mut round) = (None::<String>, Vec::new(), 0);
        loop {
            let (page, _) = query(&shard, |ctx| {
                let all = ctx.db().table(MESSAGES).index("by_author_rank").eq("author", "ada");
                all.order(direction).paginate(cursor.as_deref(), 4)
            })
            .unwrap();
            seen.extend(page.page.iter().map(|message| message.value.text.clone()));
            if page.is_done {
                break;
            }
            cursor = Some(page.continue_cursor);
            // Before and after the position, and of the same value; and the last one seen is
            // deleted.
            let doomed = page.page.last().map(|message| message.id.clone()).unwrap();
            mutate(&shard, |ctx| {
                for rank in [None, Some(0.5), Some(9.0)] {
                    let value = Message { rank, ..message("ada", "between") };
                    ctx.db().insert(MESSAGES, value)?;
                }
                ctx.db().delete(MESSAGES, &doomed)
            })
            .unwrap();
            round += 1;
            assert!(round < 100);
        }
        let mut kept: Vec<_> = seen.iter().filter(|text| text.starts_with("stays")).collect();
        kept.sort();
        let mut stays: Vec<_> = stays.iter().collect();
        stays.sort();
        assert_eq!(kept, stays, "{direction:?}");
    }
}

#[test]
fn an_invalid_cursor_is_400() {
    let shard = shard();
    say(&shard, "x");
    for cursor in ["x", "W10", "WzFd", "bnVsbA", "W3RydWUsMV0"] {
        let page = query(&shard, |ctx| ctx.db().table(MESSAGES).paginate(Some(cursor), 5));
        assert_eq!(page.unwrap_err().code(), "BAD_REQUEST", "{cursor}");
    }
    let (page, _) = query(&shard, |ctx| ctx.db().table(MESSAGES).paginate(Some(""), 5)).unwrap();
    assert!(page.is_done && page.page.len() == 1);
}

#[test]
fn no_query_sees_a_soft_deleted_document() {
    let shard = shard();
    shard.call::<()>("notes:put", &json!({ "id": "a", "note": { "text": "x" } })).unwrap();
    assert!(shard.call::<bool>("notes:delete", &json!({ "id": "a" })).unwrap());
    assert!(!shard.call::<bool>("notes:delete", &json!({ "id": "a" })).unwrap());
    assert_eq!(shard.call::<Value>("notes:list", &NoArgs {}).unwrap(), json!([]));
    assert!(query(&shard, |ctx| ctx.db().get(NOTES, "a")).unwrap().0.is_none());
    assert_eq!(query(&shard, |ctx| ctx.db().table(NOTES).count()).unwrap().0, 0);
    assert!(mutate(&shard, |ctx| ctx.db().patch(NOTES, "a", &json!({}))).is_err());
    // Its id stays taken.
    assert_eq!(
        code_of(&shard.answer("notes:put", &json!({ "id": "a", "note": {} }))).1,
        "CONFLICT"
    );
}

#[test]
fn rejects_a_value_that_no_client_decodes_on_every_way_in() {
    let shard = shard();
    let operator = shard.admin_token(admin::TOKEN);
    let when = json!(["$lunora.wire$", "date", "today"]);
    let fields = json!({ "author": "ada", "text": "x", "when": when });
    let mut doc = fields.clone();
    doc["_id"] = json!("bad");
    let told = |answer: (u16, Value)| {
        let text = answer.1.to_string();
        assert!(text.contains("VALIDATION_ERROR"), "{text}");
    };
    told(operator.admin("importShard", &json!({ "rows": [{ "table": "messages", "doc": doc }] })));
    told(operator.admin(
        "writeRow",
        &json!({ "table": "messages", "op": "insert", "id": "bad", "doc": fields }),
    ));
    let change = json!({ "seq": 1, "table": "messages", "id": "bad", "op": "insert", "doc": doc });
    told(operator.admin("applyCdc", &json!({ "changes": [change] })));
    let sent = say(&shard, "one");
    let patched = mutate(&shard, |ctx| {
        ctx.db().patch(MESSAGES, &sent.id, &json!({ "when": when })).map(drop)
    });
    assert_eq!(patched.unwrap_err().code(), "VALIDATION_ERROR");
    assert_eq!(texts(&shard), ["one"]);
}
