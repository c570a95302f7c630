//! A mutation commits all or nothing, and a query writes nothing.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::errors::Code;

fn half_and_fail(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    ctx.db().insert(MESSAGES, message("ada", "half"))?;
    ctx.db().sql("CREATE TABLE extra(n)").run()?;
    Err(LunoraError::new(Code::Conflict, "changed my mind"))
}

fn swallows(ctx: &Mutation<'_>, _: NoArgs) -> Result<&'static str, LunoraError> {
    let _ = ctx.db().insert(MESSAGES, message("ada", "a document without its change"));
    Ok("all good")
}

fn swallows_nested(ctx: &Mutation<'_>, _: NoArgs) -> Result<&'static str, LunoraError> {
    let _ = ctx.run_mutation::<()>("messages:half", &NoArgs {});
    Ok("all good")
}

fn nests(ctx: &Mutation<'_>, _: NoArgs) -> Result<usize, LunoraError> {
    let _: Document<Message> = ctx.run_mutation("messages:send", &message("ada", "nested"))?;
    let all: Vec<Document<Message>> = ctx.run_query("messages:list", &NoArgs {})?;
    Ok(all.len())
}

fn shard() -> TestShard {
    TestShard::new(
        definition()
            .mutation("messages:half", half_and_fail)
            .mutation("messages:swallow", swallows)
            .mutation("messages:swallowNested", swallows_nested)
            .mutation("messages:nest", nests),
    )
}

#[test]
fn an_error_leaves_nothing_behind() {
    let shard = shard();
    say(&shard, "before");
    let cursor = shard.shard().cursor().unwrap();
    assert_eq!(code_of(&shard.answer("messages:half", &json!({}))), (409, "CONFLICT"));
    assert_eq!(texts(&shard), ["before"]);
    assert_eq!(shard.shard().cursor().unwrap(), cursor);
    let tables = "SELECT count(*) FROM sqlite_master WHERE name='extra'";
    let (count, _) = query(&shard, |ctx| ctx.db().sql(tables).first::<u32>()).unwrap();
    assert_eq!(count, Some(0));
}

#[test]
fn a_write_that_broke_off_cannot_be_swallowed() {
    let shard = shard();
    say(&shard, "before");
    shard.host().fail_statements_with(Some("INSERT INTO \"_lunora_changes\""));
    let answer = shard.answer("messages:swallow", &json!({}));
    assert_eq!(code_of(&answer), (500, "RPC_FAILED"));
    assert_eq!(answer.1["error"]["message"], "Internal error");
    shard.host().fail_statements_with(None);
    assert_eq!(texts(&shard), ["before"]);
    say(&shard, "after");
    assert_eq!(texts(&shard), ["before", "after"]);
}

#[test]
fn a_mutation_within_a_mutation_shares_its_fate() {
    let shard = shard();
    assert_eq!(shard.call::<usize>("messages:nest", &NoArgs {}).unwrap(), 1);
    assert_eq!(code_of(&shard.answer("messages:swallowNested", &json!({}))), (409, "CONFLICT"));
    assert_eq!(texts(&shard), ["nested"]);
}

#[test]
fn a_transaction_cannot_begin_within_another() {
    thread_local! {
        static ACTION: RefCell<Option<Action>> = const { RefCell::new(None) };
    }

    async fn keep(ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
        ACTION.set(Some(ctx));
        Ok(())
    }

    fn smuggle(_: &Mutation<'_>, _: NoArgs) -> Result<Document<Message>, LunoraError> {
        let action = ACTION.take();
        action.map_or_else(
            || Err(LunoraError::internal("no action")),
            |action| action.run_mutation("messages:send", &message("ada", "smuggled")),
        )
    }

    let definition = definition().action("x:keep", keep).mutation("x:smuggle", smuggle);
    let shard = TestShard::new(definition);
    assert_eq!(shard.answer("x:keep", &json!({})).0, 200);
    assert_eq!(code_of(&shard.answer("x:smuggle", &json!({}))), (500, "NESTED_TRANSACTION"));
    assert_eq!(texts(&shard), Vec::<String>::new());
}

#[test]
fn a_query_cannot_write_by_any_statement() {
    let shard = shard();
    say(&shard, "there");
    for sql in [
        "DELETE FROM messages",
        "WITH a AS (SELECT 1) DELETE FROM messages",
        "INSERT INTO messages(_id,_creationTime,doc) VALUES ('x',1,'{}') RETURNING _id",
        "UPDATE messages SET doc='{}'",
        "CREATE TABLE t(a)",
        "SELECT 1; DELETE FROM messages",
        "PRAGMA user_version = 5",
        "BEGIN",
    ] {
        let result = query(&shard, |ctx| ctx.db().sql(sql).run());
        assert_eq!(result.unwrap_err().code(), "RPC_FAILED", "{sql}");
    }
    assert_eq!(texts(&shard), ["there"]);
}

#[test]
fn a_failed_commit_is_an_error_and_reaches_no_listener() {
    let shard = shard();
    let commits = Rc::new(RefCell::new(Vec::new()));
    let heard = commits.clone();
    shard.shard().on_commit(move |commit| heard.borrow_mut().push(commit.changes.len()));
    say(&shard, "one");
    let _ = shard.answer("messages:half", &json!({}));
    let _ = shard.answer("messages:list", &json!({}));
    assert_eq!(*commits.borrow(), [1]);
}
