//! Shapes: rows that a client keeps in step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::shard::{Document, Mutation, NoArgs, Query, ShardDefinition, Table, testing::TestShard};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Item {
    list: String,
    n: u32,
}

const ITEMS: Table<Item> = crate::table!("items").index("by_list", &["list"]);

#[derive(Deserialize)]
struct Of {
    list: String,
}

fn of(ctx: &Query<'_>, args: Of) -> Result<Vec<Document<Item>>, LunoraError> {
    if args.list == "secret" {
        return Err(LunoraError::new(Code::Forbidden, "not yours"));
    }
    ctx.db().table(ITEMS).index("by_list").eq("list", args.list).collect()
}

fn count(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    ctx.db().table(ITEMS).count()
}

#[derive(Deserialize)]
struct Put {
    id: String,
    item: Option<Item>,
}

fn put(ctx: &Mutation<'_>, Put { id, item }: Put) -> Result<(), LunoraError> {
    match (item, ctx.db().get(ITEMS, &id)?) {
        (None, _) => ctx.db().delete(ITEMS, &id).map(drop),
        (Some(item), Some(_)) => ctx.db().replace(ITEMS, &id, item).map(drop),
        (Some(item), None) => ctx.db().insert_with_id(ITEMS, id, item).map(drop),
    }
}

/// A shard with shapes, one socket to it, and the rows that its client keeps.
struct World {
    shard: TestShard,
    object: Rc<LiveObject<Host>>,
    socket: Socket,
    rows: BTreeMap<String, Value>,
    checkpoint: Value,
    epoch: Value,
}

impl World {
    fn new() -> Self {
        let definition = ShardDefinition::new()
            .table(ITEMS)
            .mutation("items:put", put)
            .shape("items:of", of)
            .shape("items:count", count);
        let shard = TestShard::new(definition);
        let object = LiveObject::new(shard.shard().clone(), Host::new(0));
        let socket = Socket::default();
        let upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
        object.open("s", socket.clone(), &upgrade, None);
        let (rows, checkpoint, epoch) = (BTreeMap::new(), Value::Null, Value::Null);
        Self { shard, object, socket, rows, checkpoint, epoch }
    }

    fn subscribe(&self, shape: &Value, since: &Value) {
        let mut frame = json!({ "type": "shape_subscribe", "id": "shape_1", "shape": shape });
        frame.as_object_mut().unwrap().extend(since.as_object().unwrap().clone());
        self.object.message("s", &frame.to_string());
    }

    fn put(&self, id: &str, item: Option<(&str, u32)>) {
        let item = item.map(|(list, n)| json!({ "list": list, "n": n }));
        self.shard.call::<()>("items:put", &json!({ "id": id, "item": item })).unwrap();
        self.object.flush();
    }

    /// Takes the frames as a client does, and returns their types.
    fn listen(&mut self) -> Vec<String> {
        let frames = self.socket.take();
        for frame in &frames {
            match frame["type"].as_str().unwrap() {
                "pokePart" => {
                    assert_eq!(frame["shapeId"], "shape_1");
                    if frame["reset"] == true {
                        self.rows.clear();
                    }
                    for row in frame["rowsPatch"].as_array().unwrap() {
                        let key = row["key"].as_str().unwrap().to_owned();
                        assert_eq!(row["table"], "items");
                        let known = self.rows.remove(&key);
                        assert_eq!(known.is_some(), row["op"] != "insert", "{row}");
                        if row["op"] != "delete" {
                            self.rows.insert(key, row["value"].clone());
                        }
                    }
                }
                "pokeEnd" => {
                    self.checkpoint = frame["checkpoint"].clone();
                    self.epoch = frame["epoch"].clone();
                }
                _ => {}
            }
        }
        frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }

    fn kept(&self) -> Vec<(&str, u64)> {
        self.rows.iter().map(|(key, row)| (&**key, row["n"].as_u64().unwrap())).collect()
    }
}

fn of_list(list: &str) -> Value {
    json!({ "name": "items:of", "args": { "list": list } })
}

const POKE: [&str; 3] = ["pokeStart", "pokePart", "pokeEnd"];

#[test]
fn a_shape_is_seeded_acknowledged_and_kept_in_step_row_by_row() {
    let mut world = World::new();
    world.put("a", Some(("x", 1)));
    world.subscribe(&of_list("x"), &json!({}));
    assert_eq!(world.listen(), [&POKE[..], &["ack"]].concat());
    assert_eq!(world.kept(), [("a", 1)]);
    for (id, item, expected) in [
        ("b", Some(("x", 2)), vec![("a", 1), ("b", 2)]),
        ("a", Some(("x", 3)), vec![("a", 3), ("b", 2)]),
        ("b", Some(("y", 2)), vec![("a", 3)]),
        ("a", None, vec![]),
    ] {
        world.put(id, item);
        assert_eq!(world.listen(), POKE, "{id}");
        assert_eq!(world.kept(), expected);
    }
    world.put("c", Some(("z", 1)));
    assert_eq!(world.listen(), [""; 0]);
}

#[test]
fn a_client_that_holds_the_rows_resumes_and_one_that_missed_some_gets_all() {
    let mut world = World::new();
    world.put("a", Some(("x", 1)));
    world.subscribe(&of_list("x"), &json!({}));
    world.listen();
    let since = json!({ "sinceCheckpoint": world.checkpoint, "sinceEpoch": world.epoch });
    world.subscribe(&of_list("x"), &since);
    assert_eq!(world.listen(), ["pokeStart", "pokeEnd", "ack"]);
    world.put("b", Some(("x", 2)));
    assert_eq!(
        (world.listen(), world.kept()),
        (POKE.map(str::to_owned).to_vec(), vec![("a", 1), ("b", 2)])
    );
    world.object.message("s", r#"{"type":"shape_unsubscribe","id":"shape_1"}"#);
    world.put("a", None);
    assert_eq!(world.listen(), [""; 0]);
    world.subscribe(&of_list("x"), &since);
    world.listen();
    assert_eq!(world.kept(), [("b", 2)]);
}

#[test]
fn after_hibernation_a_change_brings_every_row() {
    let mut world = World::new();
    world.put("a", Some(("x", 1)));
    world.subscribe(&of_list("x"), &json!({}));
    world.listen();
    let object = LiveObject::new(world.shard.shard().clone(), Host::new(0));
    object.live.wake("s", world.socket.clone(), Some(&world.socket.kept.borrow()));
    world.object = object;
    world.put("b", Some(("x", 2)));
    world.put("a", None);
    world.listen();
    assert_eq!(world.kept(), [("b", 2)]);
}

#[test]
fn shapes_that_do_not_exist_fail_or_have_no_documents_are_refused_by_code() {
    let mut world = World::new();
    let refused = |world: &mut World, shape: Value| {
        world.subscribe(&shape, &json!({}));
        world.socket.take()[0]["code"].clone()
    };
    assert_eq!(refused(&mut world, json!({ "name": "items:none" })), "SHAPE_NOT_FOUND");
    assert_eq!(refused(&mut world, json!({ "name": "items:put" })), "SHAPE_NOT_FOUND");
    assert_eq!(refused(&mut world, of_list("secret")), "FORBIDDEN");
    assert_eq!(refused(&mut world, json!({ "name": "items:count" })), "SHAPE_RESOLVE_FAILED");
    let query = json!({ "functionPath": "__lunora_shape__:items:of", "args": { "list": "x" } });
    let frame = json!({ "type": "subscribe", "id": "sub_1", "query": query });
    world.object.message("s", &frame.to_string());
    assert_eq!(world.socket.take()[0]["code"], "FUNCTION_NOT_FOUND");
    let called = world.shard.call::<Value>("items:of", &json!({ "list": "x" }));
    assert_eq!(called.unwrap_err().code(), "FUNCTION_NOT_FOUND");
}
