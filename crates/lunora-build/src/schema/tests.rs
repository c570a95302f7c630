//! When a build must not go on.

#![allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]

use serde_json::{Value, json};

use super::{
    compare::{changes, reads},
    layout::{Layout, Type},
    lock::Lock,
};

fn field(name: &str, of: Value) -> Value {
    json!({ "names": [name], "type": of })
}

fn optional(name: &str, of: Value) -> Value {
    json!({ "names": [name], "optional": true, "type": of })
}

fn message(fields: &[Value]) -> Value {
    json!({ "struct": { "name": "Message", "fields": fields } })
}

fn of(text: Value) -> Type {
    serde_json::from_value(text).unwrap_or(Type::Tuple(Vec::new()))
}

fn layout(tables: Value, migrations: Value) -> Vec<Layout> {
    let layout = json!({ "class": "Room", "migrations": migrations, "tables": tables });
    serde_json::from_value(layout).into_iter().collect()
}

fn messages(fields: &[Value], migrations: Value) -> Vec<Layout> {
    let table = json!({ "documents": message(fields), "indexes": ["by_author"] });
    layout(json!({ "messages": table }), migrations)
}

fn first() -> Lock {
    let layout =
        messages(&[field("author", json!("string")), optional("likes", json!("u8"))], json!([]));
    Lock::default().next(layout).0
}

fn version(lock: &Lock) -> Option<u32> {
    lock.classes.get("Room").map(|class| class.version)
}

fn sentences(lock: &Lock, layout: Vec<Layout>) -> String {
    let (next, problems) = lock.next(layout);
    if !problems.is_empty() && version(&next).is_some() {
        assert_eq!(version(&next), version(lock), "a refused change has no version");
    }
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_first_lock_has_version_1_and_stays_as_it_is() {
    let lock = first();
    assert_eq!(version(&lock), Some(1));
    let (next, problems) = lock.next(messages(
        &[field("author", json!("string")), optional("likes", json!("u8"))],
        json!([]),
    ));
    assert!(problems.is_empty());
    assert_eq!(next, lock);
}

#[test]
fn a_field_that_may_be_absent_comes_and_goes_freely() {
    let lock = first();
    let added = &[
        field("author", json!("string")),
        optional("likes", json!("u8")),
        optional("pinned", json!("bool")),
    ];
    let (added, problems) = lock.next(messages(added, json!([])));
    assert!(problems.is_empty());
    assert_eq!(version(&added), Some(1));
    let (removed, problems) = added.next(messages(&[field("author", json!("string"))], json!([])));
    assert!(problems.is_empty());
    assert_eq!(version(&removed), Some(1));
}

#[test]
fn a_wider_type_needs_no_migration_and_has_a_version() {
    let wider = &[field("author", json!("string")), optional("likes", json!("u32"))];
    let (next, problems) = first().next(messages(wider, json!([])));
    assert!(problems.is_empty());
    assert_eq!(version(&next), Some(2));
}

#[test]
fn a_change_without_a_migration_is_refused_with_the_migration_to_write() {
    let lock = first();
    let author = message(&[field("name", json!("string"))]);
    let changed = &[field("author", author), field("length", json!("u32"))];
    let text = sentences(&lock, messages(changed, json!([])));
    for sentence in [
        "the type of `messages` in `Room` changes",
        "`author` was `String`, and is `Message`",
        "`length` is new, and stored documents lack it",
        "\"messages-2\" on MESSAGES => { up: messages_to_2 },",
        "struct MessageV1 {\n        author: String,\n        #[serde(default)]\n        likes: u8,\n    }",
        "fn messages_to_2(old: MessageV1) -> Result<Option<Message>, LunoraError> {",
        "once the new version is deployed: lunora migrate messages messages-2\n",
    ] {
        assert!(text.contains(sentence), "{sentence} in\n{text}");
    }
    let gone = sentences(&lock, messages(&[optional("likes", json!("u8"))], json!([])));
    assert!(gone.contains("`author` is gone"), "{gone}");
}

#[test]
fn a_migration_of_the_table_covers_a_change_once() {
    let lock = first();
    let changed = &[field("author", json!("u8"))];
    let elsewhere = json!([{ "id": "a", "table": "members" }]);
    assert!(!sentences(&lock, messages(changed, elsewhere)).is_empty());
    let migration = json!([{ "id": "a", "table": "messages" }]);
    let (next, problems) = lock.next(messages(changed, migration.clone()));
    assert!(problems.is_empty());
    assert_eq!(version(&next), Some(2));
    let again = messages(&[field("author", json!("string"))], migration);
    assert!(!sentences(&next, again).is_empty());
}

#[test]
fn what_is_dropped_is_said() {
    let lock = first();
    let without = |migrations| layout(json!({}), migrations);
    let text = sentences(&lock, without(json!([])));
    assert!(text.contains("\"drop-messages\" drops \"messages\""), "{text}");
    let (next, problems) = lock.next(without(json!([{ "id": "d", "drops": "messages" }])));
    assert!(problems.is_empty());
    assert_eq!(version(&next), Some(2));

    let fields = [field("author", json!("string")), optional("likes", json!("u8"))];
    let table = json!({ "documents": message(&fields), "indexes": [] });
    let unindexed = |migrations| layout(json!({ "messages": table.clone() }), migrations);
    let text = sentences(&lock, unindexed(json!([])));
    assert!(text.contains("the index `messages.by_author` of `Room` is gone"), "{text}");
    let drops = json!([{ "id": "d", "drops": "messages.by_author" }]);
    let (next, problems) = lock.next(unindexed(drops));
    assert!(problems.is_empty());
    assert_eq!(version(&next), Some(1), "an index holds no documents");
}

#[test]
fn a_class_that_is_gone_was_renamed_or_deleted() {
    let text = sentences(&first(), Vec::new());
    assert!(text.contains("the class `Room` is gone"), "{text}");
}

#[test]
fn a_type_reads_what_it_contains() {
    let pairs = [
        (json!("i64"), json!("u32"), true),
        (json!("u64"), json!("i64"), false),
        (json!("f64"), json!("i32"), true),
        (json!("f64"), json!("i64"), false),
        (json!("any"), message(&[]), true),
        (message(&[]), json!("any"), false),
        (json!({ "option": "string" }), json!("string"), true),
        (json!("string"), json!({ "option": "string" }), false),
        (json!({ "list": { "option": "u8" } }), json!({ "list": "u8" }), true),
        (json!({ "opaque": "a date" }), json!({ "opaque": "bytes" }), false),
        (json!({ "map": ["string", "i64"] }), json!({ "map": ["string", "i8"] }), true),
        (
            json!({ "enum": { "name": "A", "variants": { "X": "null", "Y": "u8" } } }),
            json!({ "enum": { "name": "A", "variants": { "X": "null" } } }),
            true,
        ),
        (
            json!({ "enum": { "name": "A", "variants": { "X": "null" } } }),
            json!({ "enum": { "name": "A", "variants": { "X": "null", "Y": "u8" } } }),
            false,
        ),
        (
            json!({ "struct": { "name": "M", "closed": true, "fields": [] } }),
            message(&[optional("a", json!("u8"))]),
            false,
        ),
        (
            json!({ "struct": { "name": "M", "fields": [{ "names": ["b", "a"], "type": "u8" }] } }),
            message(&[field("a", json!("u8"))]),
            true,
        ),
    ];
    for (new, old, expected) in pairs {
        assert_eq!(reads(&of(new.clone()), &of(old.clone())), expected, "{new} of {old}");
    }
}

#[test]
fn a_change_says_where_it_is() {
    let nested =
        |of: Value| message(&[field("tags", json!({ "list": message(&[field("of", of)]) }))]);
    let found = changes(&of(nested(json!("string"))), &of(nested(json!("bool"))));
    let text: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["`tags.of` was `String`, and is `bool`"]);
}
