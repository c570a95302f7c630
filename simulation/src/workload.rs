//! The clients of a run, and what they do.

use std::{cell::RefCell, rc::Rc};

use lunora::testing::{Answer, Client, Faults, Spawned, World};
use serde_json::{Value, json};

use crate::{
    app::{self, Folder},
    model::{BACKUPS, Model, Outcome, Snapshot, TICKS, TOKEN, Write},
    rules,
    session::Session,
};

pub(crate) const USERS: [&str; 3] = ["ada", "bob", "eve"];
pub(crate) const SHARDS: [&str; 2] = ["red", "green"];
pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// Operations between two quiet points.
const ROUND: u32 = 40;

/// A run: the deployment, what is known, and the clients' sockets.
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) model: Rc<RefCell<Model>>,
    pub(crate) sessions: Vec<Rc<RefCell<Option<Session>>>>,
}

/// Runs the workload of one seed: so many operations, with every rule checked at every quiet point.
///
/// # Panics
/// If a rule does not hold.
pub(crate) fn run(world: &World, operations: u32) {
    deploy(world);
    let sessions = (0..USERS.len() * SHARDS.len()).map(|place| {
        let (user, shard) = (place / SHARDS.len(), SHARDS[place % SHARDS.len()]);
        Rc::new(RefCell::new(Some(Session::new(user, shard, client(world, user)))))
    });
    let run = Run { world: world.clone(), model: Rc::default(), sessions: sessions.collect() };
    let mut left = operations;
    while left > 0 {
        let round = left.min(ROUND);
        left -= round;
        run.round(round);
        rules::check(&run);
    }
    rules::a_write_among_crashing_queries_is_answered(&run);
    rules::check(&run);
    rules::check_backup(&run);
}

/// Deploys the application.
pub(crate) fn deploy(world: &World) {
    world
        .shards::<Folder>("SHARD")
        .registry("SHARD_REGISTRY")
        .var("LUNORA_ADMIN_TOKEN", TOKEN)
        .worker(app::app);
}

/// Returns the client of a user.
pub(crate) fn client(world: &World, user: usize) -> Client {
    world.client().with_header("authorization", &format!("Bearer user:{}", USERS[user]))
}

impl Run {
    /// All clients at once do so many operations together, among faults.
    fn round(&self, operations: u32) {
        self.world.faults(Faults::all());
        let users = u32::try_from(USERS.len()).unwrap_or(1);
        let tasks: Vec<Spawned<()>> = (0..USERS.len())
            .map(|user| self.world.spawn(self.person(user).act(operations / users)))
            .collect();
        self.world.run();
        self.world.faults(Faults::none());
        self.world.run();
        for (task, user) in tasks.iter().zip(USERS) {
            assert!(task.take().is_some(), "{user} waits for an answer that never comes");
        }
    }

    fn person(&self, user: usize) -> Person {
        Person {
            user,
            world: self.world.clone(),
            client: client(&self.world, user),
            model: self.model.clone(),
            sessions: self.sessions.clone(),
        }
    }
}

/// A user at work.
struct Person {
    user: usize,
    world: World,
    client: Client,
    model: Rc<RefCell<Model>>,
    sessions: Vec<Rc<RefCell<Option<Session>>>>,
}

impl Person {
    async fn act(self, operations: u32) {
        for _ in 0..operations {
            match self.world.choose(20) {
                0 => {}
                1..=7 => self.put().await,
                8 => self.remove().await,
                9..=11 => self.subscribe().await,
                12 => self.with_session(async |session, choice| session.unsubscribe(choice)).await,
                13 => self.with_session(async |session, _| session.close()).await,
                14 => self.with_session(async |session, _| session.open().await).await,
                15 => self.intrude().await,
                16 if self.world.choose(4) == 3 => self.back_up(),
                16 => {}
                17 => self.tick(),
                _ => self.promise().await,
            }
        }
    }

    fn shard(&self) -> &'static str {
        SHARDS[self.world.choose(2) as usize % SHARDS.len()]
    }

    fn name(&self) -> &'static str {
        NAMES[self.world.choose(4) as usize % NAMES.len()]
    }

    async fn put(&self) {
        let op = self.model.borrow_mut().new_op();
        let args = json!({
            "op": op,
            "name": self.name(),
            // The same text now and then, so that values come back to what they were.
            "text": if self.world.choose(3) == 0 { "same" } else { op.as_str() },
            "private": self.world.choose(2) == 1,
            "fails": self.world.choose(8) == 7,
        });
        self.write("docs:put", op, args).await;
    }

    async fn promise(&self) {
        let op = self.model.borrow_mut().new_op();
        let ms = [0, 50, 2_000, 30_000][self.world.choose(4) as usize % 4];
        let args = json!({
            "op": op,
            "ms": ms,
            "fails": self.world.choose(6) == 5,
            "cancels": self.world.choose(6) == 5,
        });
        self.write("ops:promise", op, args).await;
    }

    async fn remove(&self) {
        let op = self.model.borrow_mut().new_op();
        let args = json!({ "op": op, "name": self.name() });
        self.write("docs:remove", op, args).await;
    }

    /// Sends a write until the answer says what became of it; without an id only once.
    async fn write(&self, path: &'static str, op: String, args: Value) {
        let shard = self.shard();
        let replayable = self.world.choose(4) != 3;
        self.world.note(|| format!("{}: {path} {args} on {shard}", USERS[self.user]));
        let mut write = Write {
            op,
            client: self.user,
            shard,
            path,
            args,
            replayable,
            outcome: Outcome::Unknown,
        };
        let tries = if replayable { 4 } else { 1 };
        for attempt in 0..tries {
            match send(&self.client, &write).await {
                Outcome::Unknown => {}
                // An attempt before it may still be on its way.
                Outcome::Refused(_) if attempt > 0 => break,
                outcome => {
                    write.outcome = outcome;
                    break;
                }
            }
        }
        self.model.borrow_mut().writes.push(write);
    }

    async fn subscribe(&self) {
        let (path, args) = match self.world.choose(9) {
            0..=2 => ("docs:get", json!({ "name": self.name() })),
            3 => ("docs:mine", json!({})),
            4 => ("docs:public", json!({})),
            5 => {
                let owner = USERS[self.world.choose(3) as usize % USERS.len()];
                ("docs:of", json!({ "owner": owner }))
            }
            6 => ("docs:recent", json!({})),
            7 => ("ops:page", json!({})),
            // With one wide character it takes twice the room.
            _ => {
                let pad = "x".repeat(3_500) + "\u{6f22}";
                ("docs:get", json!({ "name": self.name(), "pad": pad }))
            }
        };
        self.world.note(|| format!("{}: subscribes to {path}", USERS[self.user]));
        self.with_session(async move |session, _| session.subscribe(path, args).await).await;
    }

    /// Does something with the socket to one of the shards, unless another task is at it.
    async fn with_session(&self, act: impl AsyncFnOnce(&mut Session, usize)) {
        let place = self.user * SHARDS.len() + self.world.choose(2) as usize;
        let choice = self.world.choose(4) as usize;
        let Some(session) = self.sessions.get(place) else { return };
        let taken = session.borrow_mut().take();
        if let Some(mut taken) = taken {
            taken.listen();
            act(&mut taken, choice).await;
            *session.borrow_mut() = Some(taken);
        }
    }

    /// A client without permission, or a confused one, names a shard that does not exist.
    async fn intrude(&self) {
        let number = self.world.choose(50);
        let path =
            ["docs:put", "__lunora_admin__:listTables", "__lunora_relation__:docs", "no:such"]
                [self.world.choose(4) as usize % 4];
        let (shard, client) = match self.world.choose(3) {
            0 => (format!("strange-{number}"), self.world.client()),
            1 => {
                let expired = format!("Bearer user:ada:{}", self.world.now_ms() - 1);
                let client = self.world.client().with_header("authorization", &expired);
                (format!("strange-{number}"), client)
            }
            _ => (format!("refused-{number}"), self.client.clone()),
        };
        {
            let mut model = self.model.borrow_mut();
            let known =
                if shard.starts_with("refused") { &mut model.refused } else { &mut model.strange };
            known.insert(shard.clone());
        }
        if let Ok(answer) = client.call(&shard, path, &json!({})).await {
            assert!(!answer.is_ok(), "{path} answered {answer:?} on {shard}");
        }
    }

    /// Fires the backup's trigger.
    fn back_up(&self) {
        let mut model = self.model.borrow_mut();
        let applied = |write: &&Write| matches!(write.outcome, Outcome::Applied(_));
        let acknowledged = model.writes.iter().filter(applied).map(|write| write.op.clone());
        let acknowledged = acknowledged.collect();
        let done = self.world.trigger(BACKUPS);
        model.snapshots.push(Snapshot { acknowledged, done });
    }

    fn tick(&self) {
        let now = self.world.now_ms();
        self.model.borrow_mut().ticks.insert(now);
        drop(self.world.trigger(TICKS));
    }
}

/// Sends a write once.
pub(crate) async fn send(client: &Client, write: &Write) -> Outcome {
    let mut client = client.clone();
    if write.replayable {
        client = client.with_header("x-lunora-mutation-id", &write.op);
    }
    match client.call(write.shard, write.path, &write.args).await {
        Ok(answer) if answer.is_ok() => Outcome::Applied(answer),
        Ok(answer) if is_final(&answer) => Outcome::Refused(answer.code().to_owned()),
        _ => Outcome::Unknown,
    }
}

/// Whether an error is the last word on a write.
fn is_final(answer: &Answer) -> bool {
    !answer.code().is_empty() && !matches!(answer.code(), "SHARD_UNAVAILABLE" | "INTERNAL")
}
