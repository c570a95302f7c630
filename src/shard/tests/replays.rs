//! A repeated write is applied once (docs/wire.md, "Headers to a shard").

use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn send_as(shard: &TestShard, text: &str) -> (u16, Value) {
    shard.answer("messages:send", &json!({ "author": "ada", "text": text }))
}

#[test]
fn a_replay_gets_the_first_answer_and_does_nothing() {
    let shard = shard();
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    let first = send_as(&ada, "one");
    assert_eq!((first.0, first.1["commitCursor"].as_u64()), (200, Some(1)));
    // Other arguments, another function: the id decides.
    assert_eq!(send_as(&ada, "two"), first);
    assert_eq!(ada.answer("messages:delete", &json!({ "id": "x" })), first);
    assert_eq!(texts(&shard), ["one"]);
    assert_eq!(send_as(&ada.wake(definition()), "after sleep"), first);
}

#[test]
fn a_mutation_without_an_id_answers_its_position_in_the_change_log_too() {
    let shard = shard();
    assert_eq!(send_as(&shard, "one").1["commitCursor"], 1);
    assert_eq!(send_as(&shard, "two").1["commitCursor"], 2);
    // Without a write, it is the position that the mutation read at.
    let nothing = shard.answer("messages:delete", &json!({ "id": "x" }));
    assert_eq!(nothing, (200, json!({ "commitCursor": 2, "result": false })));
    let entry = json!({ "id": 7, "functionPath": "messages:send",
                        "args": { "author": "ada", "text": "three" } });
    let (status, batch) = shard.post("/rpc-batch", json!({ "calls": [entry] }).to_string());
    assert_eq!((status, &batch["results"][0]["body"]["commitCursor"]), (200, &json!(3)));
    let (_, queried) = shard.answer("messages:list", &json!({}));
    assert!(queried.get("commitCursor").is_none());
}

#[test]
fn an_id_counts_for_one_caller_only() {
    let shard = shard().with_header("x-lunora-mutation-id", "m-1");
    let client = |id: &str| shard.with_header("x-lunora-client-id", id);
    let callers = [
        shard.user("ada"),
        shard.user("bob"),
        shard.system(),
        client("c-1"),
        client("c-2"),
        // A user whose name looks like the namespace of a client.
        shard.user("anon:c-1"),
        shard.user("system:"),
    ];
    for (n, caller) in callers.iter().enumerate() {
        assert_eq!(send_as(caller, &n.to_string()).0, 200);
        assert_eq!(send_as(caller, "again").1["result"]["text"], n.to_string());
    }
    assert_eq!(texts(&shard).len(), callers.len());
    // The user counts, with any client.
    let elsewhere = shard.user("ada").with_header("x-lunora-client-id", "c-9");
    assert_eq!(send_as(&elsewhere, "again").1["result"]["text"], "0");
}

#[test]
fn no_replay_without_a_namespace() {
    let shard = shard().with_header("x-lunora-mutation-id", "m-1");
    send_as(&shard, "one");
    send_as(&shard, "two");
    assert_eq!(texts(&shard), ["one", "two"]);
}

#[test]
fn an_answer_is_kept_for_24_hours() {
    let shard = shard();
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    let kept = || {
        let rows = shard.host().exec("SELECT count(*) FROM _lunora_replies", &[]).unwrap();
        rows.rows[0][0].clone()
    };
    let first = send_as(&ada, "one");
    shard.clock().advance(HOUR * 24 - Duration::from_millis(1));
    assert_eq!(send_as(&ada, "two"), first);
    shard.clock().advance(Duration::from_millis(1));
    assert_eq!(send_as(&ada, "three").1["result"]["text"], "three");
    assert_eq!(kept(), SqlCell::Number(1.0));
    shard.clock().advance(HOUR * 30);
    send_as(&shard.user("ada").with_header("x-lunora-mutation-id", "m-2"), "four");
    assert_eq!(kept(), SqlCell::Number(1.0));
}

#[test]
fn a_write_that_failed_is_tried_again() {
    fn fussy(ctx: &Mutation<'_>, args: Message) -> Result<Document<Message>, LunoraError> {
        let sent = ctx.db().insert(MESSAGES, args)?;
        if ctx.now() == 1_700_000_000_000 {
            return Err(LunoraError::custom("TOO_EARLY", 425, "come back later"));
        }
        Ok(sent)
    }

    let shard = TestShard::new(definition().mutation("messages:fussy", fussy));
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    let args = json!({ "author": "ada", "text": "x" });
    assert_eq!(code_of(&ada.answer("messages:fussy", &args)), (425, "TOO_EARLY"));
    shard.clock().advance(HOUR);
    assert_eq!(ada.answer("messages:fussy", &args).0, 200);
    assert_eq!(texts(&shard), ["x"]);
}

#[test]
fn the_answer_is_kept_with_the_write_or_not_at_all() {
    let shard = shard();
    say(&shard, "opens the shard");
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    shard.host().fail_statements_with(Some("INTO \"_lunora_replies\""));
    assert_eq!(send_as(&ada, "lost").0, 500);
    shard.host().fail_statements_with(None);
    assert_eq!(texts(&shard), ["opens the shard"]);
    assert_eq!(send_as(&ada, "kept").0, 200);
    assert_eq!(texts(&shard), ["opens the shard", "kept"]);
}

#[test]
fn an_action_that_is_sent_again_is_not_run_again() {
    async fn act(ctx: Action, _: NoArgs) -> Result<Document<Message>, LunoraError> {
        ctx.run_mutation("messages:send", &message("bot", "acted"))
    }

    let shard = TestShard::new(definition().action("messages:act", act));
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    let first = ada.answer("messages:act", &json!({}));
    assert_eq!((first.0, ada.answer("messages:act", &json!({}))), (200, first.clone()));
    assert_eq!(texts(&shard), ["acted"]);
}

#[test]
fn a_query_ignores_a_mutation_id() {
    let shard = shard();
    let ada = shard.user("ada").with_header("x-lunora-mutation-id", "m-1");
    assert_eq!(ada.answer("messages:list", &json!({})), (200, json!({ "result": [] })));
    say(&shard, "new");
    assert_eq!(texts(&ada), ["new"]);
}

#[test]
fn numbered_writes_come_in_their_order() {
    let shard = shard();
    let client = |seq: &str| {
        shard
            .user("ada")
            .with_header("x-lunora-client-id", "c")
            .with_header("x-lunora-client-seq", seq)
    };
    let ids = |answer: &(u16, Value)| (answer.0, answer.1["lastMutationId"].as_u64());
    assert_eq!(ids(&send_as(&client("1"), "one")), (200, Some(1)));
    assert_eq!(
        send_as(&client("3"), "three"),
        (
            409,
            json!({ "error": {
                "code": "OUT_OF_ORDER",
                "expectedMutationId": 2,
                "message": "the write is out of its order: number 2 comes next",
            } })
        )
    );
    assert_eq!(ids(&send_as(&client("2"), "two")), (200, Some(2)));
    assert_eq!(
        send_as(&client("1"), "again"),
        (200, json!({ "lastMutationId": 2, "result": null }))
    );
    assert_eq!(ids(&send_as(&client("3"), "three")), (200, Some(3)));
    assert_eq!(texts(&shard), ["one", "two", "three"]);
    // Another user with the same client id has a numbering of their own.
    let bob = shard
        .user("bob")
        .with_header("x-lunora-client-id", "c")
        .with_header("x-lunora-client-seq", "1");
    assert_eq!(ids(&send_as(&bob, "bob's")), (200, Some(1)));
}

#[test]
fn an_invalid_number_is_ignored() {
    let shard = shard();
    for seq in ["0", "-1", "1.5", "x", "", "9007199254740993"] {
        let client =
            shard.with_header("x-lunora-client-id", "c").with_header("x-lunora-client-seq", seq);
        let answer = send_as(&client, "x");
        assert_eq!((answer.0, answer.1.get("lastMutationId")), (200, None), "{seq}");
    }
    // A number without a client is ignored.
    let alone = shard.with_header("x-lunora-client-seq", "7");
    assert_eq!(send_as(&alone, "x").1.get("lastMutationId"), None);
}

#[test]
fn a_numbered_write_that_fails_keeps_its_number() {
    let shard = shard();
    let client =
        shard.with_header("x-lunora-client-id", "c").with_header("x-lunora-client-seq", "1");
    assert_eq!(client.answer("messages:send", &json!({ "author": 1 })).0, 400);
    assert_eq!(send_as(&client, "now").1["lastMutationId"], 1);
}
