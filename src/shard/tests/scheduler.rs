//! Calls that a mutation leaves for later.

use std::{cell::Cell, time::Duration};

use super::*;
use crate::{errors::Code, platform::Clock};

thread_local! {
    static FAILS: Cell<bool> = const { Cell::new(false) };
    static ACTED: Cell<u32> = const { Cell::new(0) };
}

#[derive(Deserialize, Serialize)]
struct Later {
    path: String,
    seconds: u64,
    text: String,
}

#[derive(Deserialize, Serialize)]
struct Text {
    text: String,
}

fn later(ctx: &Mutation<'_>, args: Later) -> Result<String, LunoraError> {
    let delay = Duration::from_secs(args.seconds);
    let id = ctx.scheduler().run_after(delay, &args.path, &Text { text: args.text.clone() })?;
    match &*args.text {
        "refused" => Err(LunoraError::new(Code::Conflict, "no")),
        _ => Ok(id),
    }
}

fn write(ctx: &Mutation<'_>, args: Text) -> Result<(), LunoraError> {
    assert!(ctx.auth().is_system() && ctx.auth().user_id().is_none());
    ctx.db().insert(MESSAGES, message("", &args.text))?;
    if FAILS.get() { Err(LunoraError::new(Code::Conflict, "not now")) } else { Ok(()) }
}

async fn act(ctx: Action, args: Text) -> Result<(), LunoraError> {
    ACTED.set(ACTED.get() + 1);
    ctx.run_mutation("later:write", &args)
}

fn cancel(ctx: &Mutation<'_>, args: Text) -> Result<bool, LunoraError> {
    ctx.scheduler().cancel(&args.text)
}

fn shard() -> TestShard {
    TestShard::new(definition())
}

fn definition() -> ShardDefinition {
    ShardDefinition::new()
        .table(MESSAGES)
        .table(SCHEDULED)
        .mutation("later:do", later)
        .internal_mutation("later:write", write)
        .internal_action("later:act", act)
        .mutation("later:cancel", cancel)
        .query("later:list", |ctx: &Query<'_>, _: NoArgs| ctx.db().table(SCHEDULED).collect())
        .query("messages:texts", |ctx: &Query<'_>, _: NoArgs| {
            let messages = ctx.db().table(MESSAGES).collect()?;
            Ok::<_, LunoraError>(messages.into_iter().map(|it| it.text.clone()).collect::<Vec<_>>())
        })
}

fn schedule(
    shard: &TestShard,
    path: &str,
    seconds: u64,
    text: &str,
) -> Result<String, LunoraError> {
    let args = Later { path: path.to_owned(), seconds, text: text.to_owned() };
    shard.user("ada").call("later:do", &args)
}

fn calls(shard: &TestShard) -> Vec<Document<ScheduledCall>> {
    shard.call("later:list", &NoArgs {}).unwrap()
}

fn texts(shard: &TestShard) -> Vec<String> {
    shard.call("messages:texts", &NoArgs {}).unwrap()
}

fn advance(shard: &TestShard, seconds: u64) -> usize {
    shard.clock().advance(Duration::from_secs(seconds));
    shard.run_due().unwrap()
}

#[test]
fn makes_a_call_once_when_it_is_due_as_the_server() {
    let shard = shard();
    schedule(&shard, "later:write", 60, "b").unwrap();
    schedule(&shard, "later:act", 30, "a").unwrap();
    assert_eq!((advance(&shard, 29), texts(&shard)), (0, vec![]));
    assert_eq!((advance(&shard, 1), texts(&shard)), (1, vec!["a".to_owned()]));
    assert_eq!((advance(&shard, 30), texts(&shard)), (1, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((advance(&shard, 9999), calls(&shard)), (0, vec![]));
}

#[test]
fn a_mutation_that_fails_has_scheduled_nothing() {
    let shard = shard();
    assert_eq!(schedule(&shard, "later:write", 1, "refused").unwrap_err().code(), "CONFLICT");
    assert_eq!((advance(&shard, 2), texts(&shard)), (0, vec![]));
}

#[test]
fn a_cancelled_call_is_never_made() {
    let shard = shard();
    let id = schedule(&shard, "later:write", 1, "a").unwrap();
    let cancel = || shard.call::<bool>("later:cancel", &Text { text: id.clone() }).unwrap();
    assert_eq!((cancel(), cancel()), (true, false));
    assert_eq!(advance(&shard, 2), 0);
}

#[test]
fn a_call_survives_the_memory_of_its_object() {
    let shard = shard();
    schedule(&shard, "later:write", 1, "a").unwrap();
    let woken = shard.wake(definition());
    assert_eq!((advance(&woken, 2), texts(&woken)), (1, vec!["a".to_owned()]));
}

#[test]
fn a_failed_call_is_rolled_back_and_made_again_until_it_is_given_up() {
    let shard = shard();
    FAILS.set(true);
    schedule(&shard, "later:write", 0, "a").unwrap();
    assert_eq!(advance(&shard, 0), 1);
    let first = calls(&shard).remove(0);
    assert_eq!((first.attempts, first.error.as_deref()), (1, Some("CONFLICT: not now")));
    assert_eq!(first.due, Some(shard.clock().now_ms() + 1000));
    assert_eq!(advance(&shard, 0), 0, "it waits");
    for _ in 1..12 {
        assert_eq!(advance(&shard, 3600), 1);
    }
    let given_up = calls(&shard).remove(0);
    assert_eq!((given_up.attempts, given_up.due), (12, None));
    assert_eq!((advance(&shard, 86_400), texts(&shard)), (0, vec![]));
    FAILS.set(false);
}

#[test]
fn a_call_that_ends_its_object_waits_and_holds_up_no_other() {
    let shard = shard();
    schedule(&shard, "later:act", 0, "cut off").unwrap();
    schedule(&shard, "later:write", 0, "next").unwrap();
    // The instance dies between the beginning and the end of the first one.
    let begun = shard.shard().begin_next().unwrap().unwrap();
    assert_eq!(begun.function_path, "later:act");
    assert_eq!((advance(&shard, 0), texts(&shard)), (1, vec!["next".to_owned()]));
    assert_eq!((advance(&shard, 899), ACTED.get()), (0, 0));
    assert_eq!((advance(&shard, 1), ACTED.get()), (1, 1));
}

#[test]
fn what_was_done_before_the_call_was_removed_is_not_done_again() {
    let shard = shard();
    schedule(&shard, "later:act", 0, "once").unwrap();
    let begun = shard.shard().begin_next().unwrap().unwrap();
    // It ends, and the instance dies before it is removed.
    let made = shard.system().with_header("x-lunora-mutation-id", &begun.id);
    made.call::<()>("later:act", &Text { text: "once".to_owned() }).unwrap();
    assert_eq!(advance(&shard, 900), 1);
    assert_eq!((texts(&shard), ACTED.get(), calls(&shard).len()), (vec!["once".to_owned()], 1, 0));
}

#[test]
fn imported_calls_wait_for_the_rest_of_the_import_and_a_drill_makes_none() {
    let shard = shard();
    schedule(&shard, "later:write", 1, "a").unwrap();
    let rows: Vec<Value> =
        calls(&shard).iter().map(|call| json!({ "table": "scheduled", "doc": call })).collect();
    let import = |shard: &TestShard| {
        let report = super::import::import(shard, json!(rows));
        assert_eq!(report["inserted"], json!({ "scheduled": 1 }));
    };
    let other = TestShard::new(definition());
    import(&other);
    assert_eq!((advance(&other, 59), texts(&other)), (0, vec![]));
    assert_eq!((advance(&other, 1), texts(&other)), (1, vec!["a".to_owned()]));
    let scratch = TestShard::named(crate::wire::ShardKey::scratch().as_str(), definition());
    import(&scratch);
    assert_eq!((advance(&scratch, 3600), calls(&scratch).len()), (0, 1));
}

#[test]
fn only_mutations_and_actions_of_a_shard_with_the_table_can_be_scheduled() {
    let shard = shard();
    for path in ["later:none", "later:list"] {
        assert_eq!(
            schedule(&shard, path, 1, "a").unwrap_err().code(),
            "FUNCTION_NOT_FOUND",
            "{path}"
        );
    }
    let bare = TestShard::new(ShardDefinition::new().mutation("later:do", later));
    let refused = schedule(&bare, "later:do", 1, "a").unwrap_err();
    assert_eq!(refused.code(), "MISCONFIGURED");
}
