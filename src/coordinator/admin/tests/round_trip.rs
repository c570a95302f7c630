//! An export that is imported into an empty deployment gives the same export again.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use bytes::Bytes;
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;

use super::{super::*, Entries};
use crate::{
    coordinator::ShardRegistry,
    message::{Body, Request},
    shard::{Mutation, ShardDefinition, Table, table, testing::TestShard},
    testing::{ManualClock, MemoryNamespace},
};

const TOKEN: &str = "a-token-that-nobody-guesses";
const NOTES: Table = table!("notes").soft_delete();
const USERS: Table = table!("users");

#[derive(serde::Deserialize)]
struct Id {
    id: String,
}

fn delete(ctx: &Mutation<'_>, Id { id }: Id) -> Result<bool, LunoraError> {
    ctx.db().delete(NOTES, &id)
}

/// A deployment whose shards are created on their first call.
struct Deployment {
    shards: Rc<RefCell<BTreeMap<String, TestShard>>>,
    entries: Entries,
    clock: ManualClock,
    admin: ShardAdmin,
}

impl Deployment {
    fn new() -> Self {
        let shards: Rc<RefCell<BTreeMap<String, TestShard>>> = Rc::default();
        let own = shards.clone();
        let namespace = MemoryNamespace::new(async move |address, request: Request| {
            let shard = Self::shard(&own, address.key.as_str());
            shard.shard().fetch(request).await
        });
        let (clock, entries) = (ManualClock::new(0), Entries::default());
        let coordinator = QueryCoordinator::new(entries.clone()).clock(clock.clone());
        let admin = ShardAdmin::new(coordinator, namespace, &AdminToken::new(TOKEN).unwrap());
        Self { shards, entries, clock, admin }
    }

    fn shard(shards: &RefCell<BTreeMap<String, TestShard>>, key: &str) -> TestShard {
        let definition =
            || ShardDefinition::new().table(NOTES).table(USERS).mutation("notes:delete", delete);
        let mut shards = shards.borrow_mut();
        let shard = shards
            .entry(key.to_owned())
            .or_insert_with(|| TestShard::named(key, definition()).admin_token(TOKEN));
        shard.clone()
    }

    fn put(&self, row: &Row) {
        let shard = Self::shard(&self.shards, row.key.as_str());
        let table = if row.is_note { "notes" } else { "users" };
        let doc = json!({ "_id": row.id, "text": row.text, "n": row.id.len() });
        let rows = json!({ "rows": [{ "table": table, "doc": doc }] });
        assert_eq!(shard.admin("importShard", &rows).0, 200);
        if row.is_deleted && row.is_note {
            assert_eq!(shard.answer("notes:delete", &json!({ "id": row.id })).0, 200);
        }
        if row.key.as_str() != ShardKey::default().as_str() {
            block_on(self.entries.register(table, &row.key)).unwrap();
        }
    }

    fn export(&self) -> Vec<u8> {
        let request = ExportRequest {
            with_shard_keys: true,
            allow_empty_registry: true,
            page_rows: 3,
            ..ExportRequest::new()
        };
        block_on(self.clock.run(async {
            let mut export = self.admin.export(request).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(chunk) = export.next().await.unwrap() {
                bytes.extend_from_slice(&chunk.lines);
            }
            bytes
        }))
    }

    fn import(&self, bytes: Vec<u8>, target: &ImportTarget) -> ImportReport {
        let body = Body::from(Bytes::from(bytes));
        block_on(self.clock.run(self.admin.import(body, target))).unwrap()
    }
}

#[derive(Clone, Debug)]
struct Row {
    key: ShardKey,
    is_note: bool,
    is_deleted: bool,
    id: String,
    text: String,
}

fn some_row() -> impl Strategy<Value = Row> {
    let odd =
        prop::sample::select(vec!["\"", "\\", "\n", "\u{2028}", " ", "ß", "🦀", "{\"$", "%2F"]);
    let key = prop_oneof![
        Just("__root__".to_owned()),
        "[a-c]",
        (odd, "[ -~]{0,4}").prop_map(|(odd, rest)| format!("k{odd}{rest}z")),
    ];
    let key = key.prop_filter_map("a key", |key| ShardKey::new(key).ok());
    (key, any::<bool>(), any::<bool>(), "[a-z]{1,3}", ".{0,12}")
        .prop_map(|(key, is_note, is_deleted, id, text)| Row { key, is_note, is_deleted, id, text })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn an_imported_export_exports_the_same_bytes(rows in prop::collection::vec(some_row(), 0..30)) {
        let source = Deployment::new();
        rows.iter().for_each(|row| source.put(row));
        let exported = source.export();
        let target = Deployment::new();
        let report = target.import(exported.clone(), &ImportTarget::Sharding(Sharding::new()));
        prop_assert_eq!(report.errors, []);
        let again = target.export();
        prop_assert_eq!(String::from_utf8(again), String::from_utf8(exported));
    }
}

#[test]
fn a_line_goes_to_the_shard_it_names_unless_the_target_is_one_shard() {
    let row = json!({ "table": "users", "shardKey": "a", "doc": { "_id": "u" } });
    let rows = format!("{row}\n").into_bytes();
    let by_line = Deployment::new();
    by_line.import(rows.clone(), &ImportTarget::Sharding(Sharding::new().by("users", "_id")));
    assert_eq!(by_line.shards.borrow().keys().collect::<Vec<_>>(), ["a"]);
    let one = Deployment::new();
    one.import(rows, &ImportTarget::Shard(ShardKey::new("b").unwrap()));
    assert_eq!(one.shards.borrow().keys().collect::<Vec<_>>(), ["b"]);
    let bad = json!({ "table": "users", "shardKey": "k".repeat(1025), "doc": { "_id": "u" } });
    let report = one.import(bad.to_string().into(), &ImportTarget::Sharding(Sharding::new()));
    assert_eq!(report.errors[0].code, "BAD_ROW");
}
