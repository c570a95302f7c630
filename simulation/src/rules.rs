//! The rules that must hold whenever nothing is under way.

use std::collections::{BTreeMap, BTreeSet};

use lunora::testing::{Client, SocketEvent};
use serde_json::{Value, json};

use crate::{
    app::{BOOM, JOBS, kept},
    model::{BACKUPS, Outcome, Write},
    session::{Session, Subscription, assert_may_see},
    workload::{Run, SHARDS, USERS, client, send},
};

/// Checks every rule.
pub(crate) fn check(run: &Run) {
    reconnect(run);
    live_values_are_those_of_a_fresh_run(run);
    memory_holds_what_is_subscribed(run);
    writes_are_applied_once_and_whole(run);
    a_promise_is_kept_once(run);
    a_write_sent_again_is_answered_the_same(run);
    strangers_cost_nothing(run);
    a_firing_has_its_effect_once(run);
    a_green_backup_holds_what_was_acknowledged(run);
    idle_shards_hibernate(run);
}

/// Every client reads what it was sent, and opens its sockets again.
fn reconnect(run: &Run) {
    for place in &run.sessions {
        let Some(mut session) = place.borrow_mut().take() else { continue };
        let opened = run.world.wait(async move {
            if !session.subscriptions.is_empty() {
                session.open().await;
            }
            session
        });
        *place.borrow_mut() = opened;
    }
    run.world.run();
    each_session(run, |_, session| session.listen());
}

fn each_session(run: &Run, mut act: impl FnMut(usize, &mut Session)) {
    for (at, place) in run.sessions.iter().enumerate() {
        if let Some(session) = &mut *place.borrow_mut() {
            act(at / SHARDS.len(), session);
        }
    }
}

fn live_values_are_those_of_a_fresh_run(run: &Run) {
    let mut asked: Vec<(usize, &'static str, String, Subscription)> = Vec::new();
    each_session(run, |user, session| {
        let open = session.is_open();
        for (id, subscription) in &session.subscriptions {
            assert!(open, "the socket of {} to {} is closed", USERS[user], session.shard);
            asked.push((user, session.shard, id.clone(), subscription.clone()));
        }
    });
    let mut fresh: BTreeMap<(usize, &str, &str, String), Result<Value, String>> = BTreeMap::new();
    for (user, shard, id, subscription) in asked {
        let Subscription { path, args, acknowledged, last, .. } = subscription;
        let key = (user, shard, path, args.to_string());
        let expected = fresh
            .entry(key)
            .or_insert_with(|| ask(run, &client(&run.world, user), shard, path, args.clone()))
            .clone();
        if let Ok(value) = &expected {
            assert_may_see(USERS[user], value, path);
        }
        // An error that no write can mend is a refusal, which is not acknowledged.
        assert!(
            acknowledged || expected.is_err(),
            "{}: {id} ({path} {args}) on {shard} was not acknowledged",
            USERS[user]
        );
        assert_eq!(
            last.as_ref(),
            Some(&expected),
            "{}: {id} ({path} {args}) on {shard} is out of date",
            USERS[user]
        );
    }
}

/// Asks a query over HTTP.
fn ask(
    run: &Run,
    client: &Client,
    shard: &'static str,
    path: &'static str,
    args: Value,
) -> Result<Value, String> {
    let client = client.clone();
    let answer = run.world.wait(async move { client.call(shard, path, &args).await });
    let answer = answer.and_then(Result::ok);
    let Some(answer) = answer else { return Err("no answer".to_owned()) };
    if answer.is_ok() { Ok(answer.body["result"].clone()) } else { Err(answer.code().to_owned()) }
}

fn memory_holds_what_is_subscribed(run: &Run) {
    for shard in SHARDS {
        let Some([sockets, answered, answers]) = run.world.held(shard) else { continue };
        let (mut open, mut subscribed) = (0, 0);
        each_session(run, |_, session| {
            if session.shard == shard && session.is_open() {
                open += 1;
                subscribed += session.subscriptions.len();
            }
        });
        // It looks for hibernating ones when it needs them.
        assert!(sockets <= open, "{shard} holds {sockets} sockets of {open}");
        assert!(answered <= subscribed, "{shard} holds {answered} of {subscribed} subscriptions");
        assert!(answers <= answered, "{shard} holds {answers} answers for {answered}");
    }
}

/// Nothing keeps a shard in memory when nothing is asked of it.
fn idle_shards_hibernate(run: &Run) {
    if run.world.choose(2) == 1 {
        for shard in SHARDS {
            assert!(run.world.sleep(shard), "{shard} is kept awake");
        }
    }
}

/// Every op in the ledger of a shard, with how often it is there.
fn ledger(run: &Run, shard: &'static str) -> BTreeMap<String, usize> {
    let ops = ask(run, &client(&run.world, 0), shard, "ops:all", json!({}));
    let ops = ops.unwrap_or_else(|code| unreachable!("the ledger of {shard} answers {code}"));
    let mut ledger = BTreeMap::new();
    for op in ops.as_array().into_iter().flatten().filter_map(Value::as_str) {
        *ledger.entry(op.to_owned()).or_default() += 1;
    }
    ledger
}

fn writes_are_applied_once_and_whole(run: &Run) {
    let model = run.model.borrow();
    for shard in SHARDS {
        let ledger = ledger(run, shard);
        for write in model.writes.iter().filter(|write| write.shard == shard) {
            let times = ledger.get(&write.op).copied().unwrap_or_default();
            match &write.outcome {
                Outcome::Applied(_) => {
                    assert_eq!(
                        times, 1,
                        "{} was acknowledged and is there {times} times",
                        write.op
                    );
                }
                Outcome::Refused(code) => {
                    assert_eq!(times, 0, "{} was refused with {code} and is there", write.op);
                }
                Outcome::Unknown => assert!(times <= 1, "{} is there {times} times", write.op),
            }
        }
        let known: BTreeSet<&str> = model.writes.iter().map(|write| &*write.op).collect();
        let is_known = |op: &&String| known.contains(op.strip_prefix("kept-").unwrap_or(op));
        let unknown = ledger.keys().find(|op| !is_known(op));
        assert_eq!(unknown, None, "no client wrote this to {shard}");
    }
}

/// What a write left for later is done once if the write was, and never otherwise.
fn a_promise_is_kept_once(run: &Run) {
    for shard in SHARDS {
        let ledger = ledger(run, shard);
        let times = |op: &str| ledger.get(op).copied().unwrap_or_default();
        for write in run.model.borrow().writes.iter().filter(|write| write.shard == shard) {
            let promised = write.path == "ops:promise" && write.args["cancels"] == false;
            let expected = if promised { times(&write.op) } else { 0 };
            let op = kept(&write.op);
            assert_eq!(times(&op), expected, "{op} of {shard}");
        }
    }
}

fn a_write_sent_again_is_answered_the_same(run: &Run) {
    let writes: Vec<_> = {
        let model = run.model.borrow();
        let replayable = model.writes.iter().filter(|write| write.replayable);
        replayable.rev().take(6).cloned().collect()
    };
    for write in writes {
        let Outcome::Applied(first) = write.outcome.clone() else { continue };
        let client = client(&run.world, write.client);
        let op = write.op.clone();
        let again = run.world.wait(async move { send(&client, &write).await });
        assert_eq!(again, Some(Outcome::Applied(first)), "{op} sent again");
    }
}

fn strangers_cost_nothing(run: &Run) {
    let model = run.model.borrow();
    let entries = run.world.registry_entries();
    for shard in &model.strange {
        let statements = run.world.statements(shard);
        assert_eq!(statements, 0, "{statements} statements for strangers");
        let entered = entries.iter().any(|entry| entry.contains(&**shard));
        assert!(!entered, "the registry has {shard}");
    }
    for shard in &model.refused {
        let entered = entries.iter().any(|entry| entry.contains(&**shard));
        assert!(!entered, "the registry has {shard}, where nothing was ever committed");
    }
}

/// A query that crashes over what was written is the trouble of its own subscriber.
pub(crate) fn a_write_among_crashing_queries_is_answered(run: &Run) {
    let shard = SHARDS[0];
    let bob = client(&run.world, 1);
    let name = json!({ "name": "fragile" });
    let socket = run.world.wait(async move {
        let socket = bob.connect(shard).await.ok()?;
        socket.subscribe("sub_1", "docs:fragile", &name);
        Some(socket)
    });
    run.world.run();
    let op = run.model.borrow_mut().new_op();
    let args =
        json!({ "op": op, "name": "fragile", "text": BOOM, "private": false, "fails": false });
    let mut write = Write {
        op,
        client: 0,
        shard,
        path: "docs:put",
        args,
        replayable: true,
        outcome: Outcome::Unknown,
    };
    let (ada, sent) = (client(&run.world, 0), write.clone());
    write.outcome =
        run.world.wait(async move { send(&ada, &sent).await }).unwrap_or(Outcome::Unknown);
    run.world.run();
    assert!(matches!(write.outcome, Outcome::Applied(_)), "{write:?}");
    let told = socket.flatten().map(|socket| {
        socket.close();
        socket.take()
    });
    run.world.run();
    let told = told.unwrap_or_default();
    let is_told = |event: &SocketEvent| matches!(event, SocketEvent::Frame(frame) if frame["code"] == "INTERNAL");
    assert!(told.iter().any(is_told), "the crash was not told: {told:?}");
    run.model.borrow_mut().writes.push(write);
}

fn a_firing_has_its_effect_once(run: &Run) {
    let ticks = run.model.borrow().ticks.len();
    if ticks > 0 {
        let done: usize = ledger(run, JOBS).values().sum();
        assert!(done <= ticks, "{done} effects of {ticks} firings");
    }
}

/// A snapshot that is taken when nothing goes wrong holds every row.
pub(crate) fn check_backup(run: &Run) {
    let done = run.world.trigger(BACKUPS);
    run.world.run();
    let outcome = done.take().flatten();
    let rows: usize = SHARDS.iter().map(|shard| ledger(run, shard).values().sum::<usize>()).sum();
    if rows == 0 && run.world.registry_entries().is_empty() {
        return;
    }
    assert_eq!(outcome, Some(Ok(())), "a backup without faults");
    let kept = newest_snapshot(run).unwrap_or_default();
    for shard in SHARDS {
        for op in ledger(run, shard).keys() {
            assert!(kept.contains(op), "{op} of {shard} is not in the snapshot");
        }
    }
}

/// A run that says it succeeded left a snapshot with every write that was acknowledged before it,
/// whatever failed meanwhile; and once there is a snapshot, there always is one.
fn a_green_backup_holds_what_was_acknowledged(run: &Run) {
    let snapshots = std::mem::take(&mut run.model.borrow_mut().snapshots);
    let green =
        snapshots.into_iter().filter(|snapshot| snapshot.done.take().flatten() == Some(Ok(())));
    let expected: BTreeSet<String> = green.flat_map(|snapshot| snapshot.acknowledged).collect();
    let kept = newest_snapshot(run);
    let mut model = run.model.borrow_mut();
    model.has_snapshot |= !expected.is_empty();
    if model.has_snapshot {
        let kept = kept.unwrap_or_else(|| unreachable!("the snapshot is gone"));
        let missing: Vec<_> = expected.difference(&kept).collect();
        assert!(missing.is_empty(), "a green snapshot lacks {missing:?}");
    }
}

/// The writes in the newest snapshot that has a manifest.
fn newest_snapshot(run: &Run) -> Option<BTreeSet<String>> {
    let store = run.world.store("BACKUPS");
    let keys = store.objects().keys();
    let manifest = keys.iter().rfind(|key| key.ends_with(".ndjson.manifest.json"))?;
    let object = store.objects().object(manifest.strip_suffix(".manifest.json")?)?;
    let text = String::from_utf8_lossy(&object.bytes).into_owned();
    let op = |line: &str| Some(line.split("\"op\":\"").nth(1)?.split('"').next()?.to_owned());
    // The ledger only grows, and so does a change to it.
    Some(
        text.lines()
            .filter_map(|line| {
                let change = line.split("\"doc\":").last()?;
                op(change)
            })
            .collect(),
    )
}
