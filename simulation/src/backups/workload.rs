//! A run of the workload, and the rules that must hold.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lunora::testing::{Client, Faults, Spawned, World};
use serde_json::json;

use super::{
    app::{self, REST, RUN_CALLS, Vault},
    operator::{Operator, Restored},
    snapshot::{Snapshot, State, assert_is_a_state, ids, read_all},
};
use crate::model::{BACKUPS, TOKEN};

/// Shards whose keys are easily mangled on the way to a registry, a header or a URL.
const SHARDS: [&str; 4] = ["north", " south ", "\u{f6}st/\u{f8} +%", "a\"b"];
/// Operations between two quiet points.
const ROUND: u32 = 60;

/// Which token of which shard.
type Place = (String, String);

/// A run: the deployment, and what its clients know.
struct Run {
    world: World,
    known: Rc<RefCell<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    next: u32,
    /// Tokens that were acknowledged, and that no client tried to drop.
    safe: BTreeSet<Place>,
    /// Tokens that a client tried to drop.
    dropped: BTreeSet<Place>,
    /// Tokens that were written, perhaps, and that no client tried to drop.
    written: Vec<Place>,
    /// Shards that were written to, perhaps.
    shards: BTreeSet<String>,
    /// The first trigger of each time, with what was safe by then.
    triggers: BTreeMap<u64, Trigger>,
    /// Whether there was ever a snapshot.
    has_snapshot: bool,
}

#[derive(Debug)]
struct Trigger {
    safe: BTreeSet<Place>,
    runs: Vec<Spawned<Option<Result<(), String>>>>,
}

/// Runs the workload of one seed.
pub(crate) fn run(world: &World, operations: u32) {
    if world.choose(3) == 1 {
        let calls = 1 + world.choose(12);
        world.var(RUN_CALLS, &calls.to_string());
    }
    world
        .shards::<Vault>("VAULT")
        .registry("SHARD_REGISTRY")
        .var("LUNORA_ADMIN_TOKEN", TOKEN)
        .worker(app::app);
    let run = Run { world: world.clone(), known: Rc::default() };
    run.put("north");
    run.world.run();
    let mut left = operations;
    while left > 0 {
        let round = left.min(ROUND);
        left -= round;
        run.round(round);
        run.check_snapshots();
        // The newest snapshot may have been taken among writes.
        if run.world.choose(3) == 1 {
            run.restore();
        }
        run.a_backup_holds_every_row();
    }
}

impl Run {
    fn person(&self) -> Person {
        Person {
            world: self.world.clone(),
            client: self.world.client(),
            operator: Operator::new(&self.world),
            known: self.known.clone(),
        }
    }

    fn put(&self, shard: &str) {
        let (person, shard) = (self.person(), shard.to_owned());
        drop(self.spawn(async move { person.put(shard).await }));
    }

    fn spawn<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> Spawned<T> {
        self.world.spawn(task)
    }

    fn round(&self, operations: u32) {
        self.world.faults(Faults::all());
        let tasks: Vec<_> = (0..3).map(|_| self.spawn(self.person().act(operations / 3))).collect();
        self.settle();
        assert!(tasks.iter().all(|task| task.take().is_some()), "an answer never comes");
    }

    fn settle(&self) {
        self.world.run();
        self.world.faults(Faults::none());
        self.world.run();
    }

    /// Reads what every shard holds.
    fn state(&self) -> State {
        let mut state = State::new();
        let shards = self.known.borrow().shards.clone();
        for shard in shards {
            let (client, key) = (self.world.client(), shard.clone());
            let answer =
                self.world.wait(async move { client.call(&key, "tokens:all", &json!({})).await });
            let tokens = answer.and_then(Result::ok).and_then(|it| it.result::<Vec<[String; 3]>>());
            let tokens = tokens.unwrap_or_else(|| unreachable!("{shard:?} cannot be read"));
            for [table, id, value] in tokens {
                state.entry((shard.clone(), id)).or_default().insert(table, value);
            }
        }
        state
    }

    /// Whatever failed meanwhile: a snapshot is a state, a green one has what was acknowledged
    /// before it, and once there was one, there is one.
    fn check_snapshots(&self) {
        assert_is_a_state(&self.state(), "the deployment");
        let snapshots = read_all(&self.world);
        for Snapshot { id, state, .. } in &snapshots {
            assert_is_a_state(state, &format!("snapshot {id}"));
        }
        let mut known = self.known.borrow_mut();
        for (time, trigger) in std::mem::take(&mut known.triggers) {
            let mut outcomes = trigger.runs.iter().filter_map(|run| run.take().flatten());
            if !outcomes.any(|outcome| outcome.is_ok()) {
                continue;
            }
            // A green run may have left the rest to another invocation.
            let Some(taken) = snapshots.iter().find(|snapshot| snapshot.time_ms == time) else {
                continue;
            };
            known.has_snapshot = true;
            // A token that a client tried to drop since may be gone.
            let expected: BTreeSet<_> = trigger.safe.intersection(&known.safe).cloned().collect();
            let missing: Vec<_> = expected.difference(&ids(&taken.state)).cloned().collect();
            assert!(missing.is_empty(), "the green snapshot {} lacks {missing:?}", taken.id);
        }
        assert!(!known.has_snapshot || !snapshots.is_empty(), "the last snapshot is gone");
    }

    /// A snapshot that is taken when nothing goes wrong holds exactly what there is.
    fn a_backup_holds_every_row(&self) {
        self.world.advance(std::time::Duration::from_secs(3600));
        let state = self.state();
        let done = self.world.trigger(BACKUPS);
        self.world.run();
        assert_eq!(done.take().flatten(), Some(Ok(())), "a backup without faults");
        for _ in 0..500 {
            let rest = self.world.trigger(REST);
            self.world.run();
            assert_eq!(rest.take().flatten(), Some(Ok(())), "the rest of a backup without faults");
            if !self
                .world
                .store("BACKUPS")
                .objects()
                .keys()
                .iter()
                .any(|it| it.ends_with(".unfinished"))
            {
                break;
            }
        }
        let newest = read_all(&self.world).pop();
        let newest = newest.unwrap_or_else(|| unreachable!("a green backup left no snapshot"));
        assert_eq!(newest.state, state, "the snapshot {} is not what there is", newest.id);
        self.known.borrow_mut().has_snapshot = true;
    }

    /// Restores the newest snapshot among faults, beside triggers and another operator: once the
    /// faults are over it comes to its end, and every shard is as the snapshot has it.
    fn restore(&self) {
        let Some(chosen) = read_all(&self.world).pop() else { return };
        let (first, second) = (Operator::new(&self.world), Operator::new(&self.world));
        // What is there is not what the snapshot has.
        SHARDS.iter().for_each(|shard| self.put(shard));
        self.world.run();
        let before = self.state();
        self.world.faults(Faults::all());
        let [id, again, last] = [chosen.id.clone(), chosen.id.clone(), chosen.id.clone()];
        let once = self.spawn(async move { first.restore(&id, 12).await });
        if self.world.choose(2) == 1 {
            drop(self.spawn(async move { second.restore(&again, 6).await }));
        }
        for _ in 0..self.world.choose(3) {
            drop(self.world.trigger(BACKUPS));
            self.world.run();
            assert_none_is_between(&self.world, &before, &chosen);
        }
        self.settle();
        assert_none_is_between(&self.world, &before, &chosen);
        self.world.advance(std::time::Duration::from_secs(3600));
        let operator = Operator::new(&self.world);
        let done = self.world.wait(async move { operator.restore(&last, 300).await });
        self.world.run();
        let state = self.state();
        match (once.take(), done) {
            (_, Some(Restored::Finished)) | (Some(Restored::Finished), Some(Restored::Gone)) => {}
            // Retention was faster than the restore, or an answer was lost.
            (Some(Restored::Gone | Restored::Unknown), Some(Restored::Gone)) if state == before => {
                return;
            }
            (Some(Restored::Gone | Restored::Unknown), Some(Restored::Gone)) => {}
            outcomes => unreachable!("the restore of {} never ends: {outcomes:?}", chosen.id),
        }
        assert_eq!(state, chosen.state, "restored {}", chosen.id);
        let mut known = self.known.borrow_mut();
        known.safe = ids(&state);
        known.triggers.clear();
    }
}

/// No client writes while a snapshot is restored: a snapshot that is taken meanwhile is of before or after.
fn assert_none_is_between(world: &World, before: &State, chosen: &Snapshot) {
    for taken in read_all(world).iter().filter(|taken| taken.id != chosen.id) {
        let is_whole =
            taken.time_ms < chosen.time_ms || taken.state == *before || taken.state == chosen.state;
        assert!(is_whole, "the snapshot {} was taken in the middle of a restore", taken.id);
    }
}

impl Known {
    fn keep(&mut self, place: Place) {
        if !self.dropped.contains(&place) {
            self.safe.insert(place);
        }
    }

    fn new_token(&mut self, shard: &str) -> String {
        self.next += 1;
        let id = format!("token-{}", self.next);
        self.written.push((shard.to_owned(), id.clone()));
        self.shards.insert(shard.to_owned());
        id
    }
}

/// A client at work.
struct Person {
    world: World,
    client: Client,
    operator: Operator,
    known: Rc<RefCell<Known>>,
}

impl Person {
    async fn act(self, operations: u32) {
        for _ in 0..operations {
            match self.world.choose(13) {
                0 => {}
                1 => {
                    let shard = SHARDS[self.world.choose(4) as usize % SHARDS.len()];
                    self.put(shard.to_owned()).await;
                }
                2..=7 => self.with_token("tokens:move").await,
                8 => self.with_token("tokens:drop").await,
                9 => self.write_as_operator().await,
                10 => drop(self.world.trigger(REST)),
                _ => self.back_up(),
            }
        }
    }

    /// Writes a token until it is acknowledged, in a few tries.
    async fn put(&self, shard: String) {
        let id = self.known.borrow_mut().new_token(&shard);
        let client = self.client.clone().with_header("x-lunora-mutation-id", &id);
        let args = json!({ "id": id, "text": id });
        for _ in 0..3 {
            let answer = client.call(&shard, "tokens:put", &args).await;
            if answer.is_ok_and(|answer| answer.is_ok()) {
                self.known.borrow_mut().keep((shard, id));
                return;
            }
        }
    }

    /// Moves or drops a token that was written.
    async fn with_token(&self, path: &str) {
        let choice = self.world.choose(64) as usize;
        let (shard, id) = {
            let mut known = self.known.borrow_mut();
            let at = choice % known.written.len().max(1);
            let Some(place) = known.written.get(at).cloned() else { return };
            if path == "tokens:drop" {
                known.written.swap_remove(at);
                known.safe.remove(&place);
                known.dropped.insert(place.clone());
            }
            place
        };
        self.world.note(|| format!("{path} {id} of {shard:?}"));
        drop(self.client.call(&shard, path, &json!({ "id": id })).await);
    }

    async fn write_as_operator(&self) {
        let shard = match self.world.choose(2) {
            0 => SHARDS[self.world.choose(4) as usize % SHARDS.len()].to_owned(),
            _ => format!("new {}", self.world.choose(6)),
        };
        let id = self.known.borrow_mut().new_token(&shard);
        if self.operator.write(&shard, &id).await {
            self.known.borrow_mut().keep((shard, id));
        }
    }

    fn back_up(&self) {
        let mut known = self.known.borrow_mut();
        let safe = known.safe.clone();
        let run = self.world.trigger(BACKUPS);
        let new = || Trigger { safe, runs: Vec::new() };
        known.triggers.entry(self.world.now_ms()).or_insert_with(new).runs.push(run);
    }
}
