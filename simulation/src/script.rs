//! Seeds as scripts: steps one after another, each with what clients must see after it. The same
//! script runs over the Worker on workerd, which must show the same (`e2e/simulation.test.mjs`).

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use lunora::testing::{Client, Socket, SocketEvent, World, simulate};
use serde::Serialize;
use serde_json::{Value, json};

use crate::workload::{NAMES, USERS, client, deploy};

/// Steps between two events that strike every script at once.
const PHASE: usize = 8;
/// What strikes between the phases, by the seed.
const EVENTS: [[Event; 2]; 4] = [
    [Event::Kill, Event::Sleep],
    [Event::Sleep, Event::Trap],
    [Event::Trap, Event::Kill],
    [Event::Sleep, Event::Kill],
];

/// One seed as a script.
#[derive(Debug, Serialize)]
pub struct Script {
    seed: u64,
    shard: String,
    steps: Vec<Step>,
}

/// A step, and what each client sees once nothing is under way any more.
#[derive(Debug, Serialize)]
struct Step {
    act: Act,
    seen: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    /// The process dies, with every object and socket in it.
    Kill,
    /// The object is evicted, and its sockets hibernate.
    Sleep,
    /// The wasm instance traps.
    Trap,
}

#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Act {
    Call { user: &'static str, path: &'static str, args: Value, id: Option<String>, answer: Value },
    Connect { user: &'static str },
    Subscribe { user: &'static str, id: String, path: &'static str, args: Value },
    Unsubscribe { user: &'static str, id: String },
    Close { user: &'static str },
    Event { event: Event },
}

/// Writes the script of a seed.
#[must_use]
pub fn script(seed: u64) -> Script {
    let steps = RefCell::default();
    let shard = format!("script-{seed}");
    simulate([seed], |world| {
        deploy(world);
        let mut writer = Writer::new(world, &shard);
        let [first, second] = EVENTS[(seed % 4) as usize % EVENTS.len()];
        for event in [Some(first), Some(second), None] {
            for _ in 0..PHASE {
                writer.step();
            }
            if let Some(event) = event {
                writer.strike(event);
            }
        }
        steps.replace(writer.steps);
    });
    Script { seed, shard, steps: steps.into_inner() }
}

struct Writer<'a> {
    world: &'a World,
    shard: &'a str,
    steps: Vec<Step>,
    people: BTreeMap<&'static str, Person>,
    sent: Vec<(&'static str, &'static str, Value, String)>,
    next: u32,
}

/// A client, its socket, and the last thing that it heard of each subscription.
struct Person {
    client: Client,
    socket: Option<Socket>,
    heard: BTreeMap<String, Value>,
}

impl<'a> Writer<'a> {
    fn new(world: &'a World, shard: &'a str) -> Self {
        let person =
            |at: usize| Person { client: client(world, at), socket: None, heard: BTreeMap::new() };
        let people = USERS.into_iter().enumerate().map(|(at, user)| (user, person(at))).collect();
        Self { world, shard, steps: Vec::new(), people, sent: Vec::new(), next: 0 }
    }

    fn choose<T: Copy>(&self, of: &[T]) -> T {
        of[self.world.choose(u32::try_from(of.len()).unwrap_or(1)) as usize]
    }

    fn name_next(&mut self, what: &str) -> String {
        self.next += 1;
        format!("{what}_{}", self.next)
    }

    fn step(&mut self) {
        let user = self.choose(&USERS);
        let name = self.choose(&NAMES);
        let is_connected = self.people.get(user).is_some_and(|person| person.socket.is_some());
        match self.world.choose(14) {
            0..=3 => {
                let op = self.name_next("op");
                let args = json!({
                    "op": op, "name": name,
                    "text": self.choose(&["same", &*op, "漢字 💬"]),
                    "private": self.choose(&[false, true]),
                    "fails": self.world.choose(8) == 7,
                });
                self.call(user, "docs:put", args, Some(op));
            }
            4 => {
                let op = self.name_next("op");
                self.call(user, "docs:remove", json!({ "op": op, "name": name }), Some(op));
            }
            5 if !self.sent.is_empty() => {
                let at = self.world.choose(u32::try_from(self.sent.len()).unwrap_or(1)) as usize;
                let (user, path, args, id) = self.sent[at].clone();
                self.call(user, path, args, Some(id));
            }
            6 if is_connected => self.close_or_unsubscribe(user),
            5 | 6 => self.call(user, "docs:public", json!({}), None),
            _ if is_connected => self.subscribe(user, name),
            _ => self.connect(user),
        }
    }

    fn call(&mut self, user: &'static str, path: &'static str, args: Value, id: Option<String>) {
        let Some(person) = self.people.get(user) else { return };
        let mut client = person.client.clone();
        if let Some(id) = &id {
            client = client.with_header("x-lunora-mutation-id", id);
            self.sent.push((user, path, args.clone(), id.clone()));
        }
        let (shard, sent) = (self.shard.to_owned(), args.clone());
        let answer = self.world.wait(async move { client.call(&shard, path, &sent).await });
        let answer = match answer {
            Some(Ok(answer)) if answer.is_ok() => json!({ "result": answer.body["result"] }),
            Some(Ok(answer)) => json!({ "code": answer.code() }),
            _ => Value::Null,
        };
        self.push(Act::Call { user, path, args, id, answer });
    }

    fn connect(&mut self, user: &'static str) {
        let Some(person) = self.people.get(user) else { return };
        let (client, shard) = (person.client.clone(), self.shard.to_owned());
        let socket = self.world.wait(async move { client.connect(&shard).await.ok() }).flatten();
        if let Some(person) = self.people.get_mut(user) {
            person.socket = socket;
        }
        self.push(Act::Connect { user });
    }

    fn subscribe(&mut self, user: &'static str, name: &'static str) {
        let (path, args) = match self.world.choose(5) {
            0 | 1 => ("docs:get", json!({ "name": name })),
            2 => ("docs:mine", json!({})),
            3 => ("docs:public", json!({})),
            _ => ("docs:of", json!({ "owner": self.choose(&USERS) })),
        };
        let id = self.name_next("sub");
        if let Some(socket) = self.people.get(user).and_then(|person| person.socket.as_ref()) {
            socket.subscribe(&id, path, &args);
        }
        self.push(Act::Subscribe { user, id, path, args });
    }

    fn close_or_unsubscribe(&mut self, user: &'static str) {
        let Some(person) = self.people.get_mut(user) else { return };
        let subscribed: Vec<String> = person.heard.keys().cloned().collect();
        let choice = self.world.choose(u32::try_from(subscribed.len()).unwrap_or(0) + 1) as usize;
        match subscribed.get(choice) {
            Some(id) => {
                person.heard.remove(id);
                if let Some(socket) = &person.socket {
                    socket.unsubscribe(id);
                }
                self.push(Act::Unsubscribe { user, id: id.clone() });
            }
            None => {
                person.heard.clear();
                if let Some(socket) = person.socket.take() {
                    socket.close();
                }
                self.push(Act::Close { user });
            }
        }
    }

    fn strike(&mut self, event: Event) {
        match event {
            Event::Kill => self.world.crash(self.shard),
            Event::Sleep => assert!(self.world.sleep(self.shard), "{} is not idle", self.shard),
            Event::Trap => self.world.trap(self.shard),
        }
        self.push(Act::Event { event });
    }

    /// Notes a step, with what everybody has heard once nothing is under way.
    fn push(&mut self, act: Act) {
        self.world.run();
        // No two steps share a millisecond on workerd either.
        self.world.advance(Duration::from_millis(10));
        let mut seen = BTreeMap::new();
        for (user, person) in &mut self.people {
            let events = person.socket.as_ref().map(Socket::take).unwrap_or_default();
            for event in events {
                match event {
                    SocketEvent::Frame(frame) => hear(&mut person.heard, &frame),
                    _ => {
                        person.socket = None;
                        person.heard.clear();
                    }
                }
            }
            if person.socket.is_some() {
                seen.insert(*user, person.heard.clone());
            }
        }
        self.steps.push(Step { act, seen });
    }
}

/// Keeps the last value of a subscription, or the code of its last error.
fn hear(heard: &mut BTreeMap<String, Value>, frame: &Value) {
    let Some(id) = frame["id"].as_str() else { return };
    match frame["type"].as_str() {
        Some("data") => heard.insert(id.to_owned(), json!({ "data": frame["data"] })),
        Some("error") => heard.insert(id.to_owned(), json!({ "code": frame["code"] })),
        _ => None,
    };
}
