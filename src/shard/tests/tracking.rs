//! The reads of queries, and the commits that touch them.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::errors::Code;

type Write = dyn Fn(&Mutation<'_>) -> Result<(), LunoraError>;

/// Returns whether each of the writes touches what `work` read.
fn touched<T>(
    work: impl FnOnce(&Query<'_>) -> Result<T, LunoraError>,
    prepare: impl FnOnce(&TestShard),
    writes: &[&Write],
) -> Vec<bool> {
    let shard = shard();
    prepare(&shard);
    let (_, reads) = query(&shard, work).unwrap();
    let commits = Rc::new(RefCell::new(Vec::new()));
    let heard = commits.clone();
    shard.shard().on_commit(move |commit| heard.borrow_mut().push(commit.clone()));
    writes
        .iter()
        .map(|write| {
            mutate(&shard, |ctx| write(ctx)).unwrap();
            commits.borrow_mut().drain(..).any(|commit| reads.touched_by(&commit))
        })
        .collect()
}

fn seeded(shard: &TestShard) {
    mutate(shard, |ctx| {
        ctx.db().insert_with_id(MESSAGES, "a", message("ada", "a"))?;
        ctx.db().insert_with_id(MESSAGES, "b", message("bob", "b"))
    })
    .unwrap();
}

fn patch(
    id: &'static str,
    text: &'static str,
) -> impl Fn(&Mutation<'_>) -> Result<(), LunoraError> {
    move |ctx| ctx.db().patch(MESSAGES, id, &json!({ "text": text })).map(|_| ())
}

fn note(ctx: &Mutation<'_>) -> Result<(), LunoraError> {
    ctx.db().insert(NOTES, crate::wire::value::Object::from([("a", 1)]).into()).map(|_| ())
}

#[test]
fn a_document_a_prefix_or_a_table() {
    let writes: &[&Write] = &[
        &patch("a", "1"),
        &patch("b", "2"),
        &note,
        &|ctx| ctx.db().insert(MESSAGES, message("ada", "new")).map(|_| ()),
        &|ctx| ctx.db().patch(MESSAGES, "a", &json!({ "author": "eve" })).map(|_| ()),
        &|ctx| ctx.db().delete(MESSAGES, "b").map(|_| ()),
        &|ctx| ctx.db().sql("CREATE TABLE IF NOT EXISTS s(a)").run().map(|_| ()),
        &|ctx| ctx.db().sql("INSERT INTO s VALUES (1)").run().map(|_| ()),
    ];
    let by_id = touched(|ctx| ctx.db().get(MESSAGES, "a"), seeded, writes);
    assert_eq!(by_id[..6], [true, false, false, false, true, false]);
    assert!(by_id[7], "a statement says not what it writes");
    let by_author = touched(
        |ctx| ctx.db().table(MESSAGES).index("by_author").eq("author", "ada").collect(),
        seeded,
        writes,
    );
    assert_eq!(by_author[..6], [true, false, false, true, true, false]);
    let whole = touched(|ctx| ctx.db().table(MESSAGES).take(1), seeded, writes);
    assert_eq!(whole[..6], [true, true, false, true, true, true]);
    let raw = touched(|ctx| ctx.db().sql("SELECT 1").all::<u8>(), seeded, writes);
    assert!(raw[..6].iter().all(|touched| *touched));
    let named =
        touched(|ctx| ctx.db().sql("SELECT 1").reads(["notes"]).all::<u8>(), seeded, writes);
    assert_eq!(named[..6], [false, false, true, false, false, false]);
    let nothing = touched(|_| Ok(()), seeded, writes);
    assert!(nothing.iter().all(|touched| !touched));
}

#[test]
fn a_look_up_of_an_absent_document_is_a_read() {
    let write: &Write =
        &|ctx| ctx.db().insert_with_id(MESSAGES, "c", message("cy", "c")).map(|_| ());
    assert_eq!(touched(|ctx| ctx.db().get(MESSAGES, "c"), seeded, &[write]), [true]);
    let by_author = touched(
        |ctx| ctx.db().table(MESSAGES).index("by_author").eq("author", "cy").first(),
        seeded,
        &[write],
    );
    assert_eq!(by_author, [true]);
}

#[test]
fn a_soft_deletion_is_a_change_for_those_who_saw_the_document() {
    let shard = shard();
    shard.call::<()>("notes:put", &json!({ "id": "a", "note": {} })).unwrap();
    let (_, reads) = query(&shard, |ctx| ctx.db().get(NOTES, "a")).unwrap();
    let commits = Rc::new(RefCell::new(Vec::new()));
    let heard = commits.clone();
    shard.shard().on_commit(move |commit| heard.borrow_mut().push(commit.clone()));
    shard.call::<bool>("notes:delete", &json!({ "id": "a" })).unwrap();
    let commits = commits.borrow();
    assert!(reads.touched_by(&commits[0]));
    let change = &commits[0].changes[0];
    assert_eq!(
        (change.before.is_some(), change.after.is_some(), change.op),
        (true, false, ChangeOp::Update)
    );
}

#[test]
fn a_query_that_ignores_its_caller_can_be_shared() {
    fn shared(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
        Ok(ctx.now())
    }
    fn own(ctx: &Query<'_>, _: NoArgs) -> Result<Option<String>, LunoraError> {
        Ok(ctx.auth().user_id().map(str::to_owned))
    }
    fn address(ctx: &Query<'_>, _: NoArgs) -> Result<Option<String>, LunoraError> {
        Ok(ctx.ip().map(str::to_owned))
    }

    let definition =
        ShardDefinition::new().query("q:shared", shared).query("q:own", own).query("q:ip", address);
    let shard = TestShard::new(definition);
    let depends = |path: &str| shard.run_query(path, &json!({})).unwrap().reads.depends_on_caller();
    assert_eq!([depends("q:shared"), depends("q:own"), depends("q:ip")], [false, true, true]);
    assert_eq!(shard.user("ada").run_query("q:own", &json!({})).unwrap().result, r#""ada""#);
    assert!(shard.run_query("q:nothing", &json!({})).is_err());
}

#[test]
fn a_kept_document_is_read_once_until_a_mutation_runs() {
    let shard = shard();
    let sent = say(&shard, "one");
    let state = &shard.shard().inner.state;
    let read = || {
        let before = shard.host().statements();
        let (document, reads) = query(&shard, |ctx| ctx.db().get(MESSAGES, &sent.id)).unwrap();
        assert!(!reads.is_constant());
        (document.unwrap().text.clone(), shard.host().statements() - before)
    };
    let (_, fresh) = read();
    let keeping = state.recent.keeping();
    assert_eq!(read(), ("one".to_owned(), fresh));
    assert_eq!(read(), ("one".to_owned(), fresh - 1));
    let fails: Result<(), _> = mutate(&shard, |ctx| {
        ctx.db().patch(MESSAGES, &sent.id, &json!({ "text": "never" }))?;
        assert_eq!(ctx.db().get(MESSAGES, &sent.id)?.unwrap().text, "never");
        Err(LunoraError::new(Code::Conflict, "no"))
    });
    assert!(fails.is_err());
    assert_eq!(read(), ("one".to_owned(), fresh));
    mutate(&shard, |ctx| {
        assert_eq!(ctx.db().get(MESSAGES, &sent.id)?.unwrap().text, "one");
        ctx.db().patch(MESSAGES, &sent.id, &json!({ "text": "two" }))?;
        assert_eq!(ctx.db().get(MESSAGES, &sent.id)?.unwrap().text, "two");
        Ok(())
    })
    .unwrap();
    assert_eq!(read(), ("two".to_owned(), fresh));
    assert_eq!(read(), ("two".to_owned(), fresh - 1));
    drop(keeping);
    assert_eq!(read(), ("two".to_owned(), fresh));
}
