//! Documents of a database that belongs to no shard.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures::{executor::block_on, future::join_all};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{
    shard::table,
    testing::{ManualClock, MemoryDatabase},
    wire::{Direction, value::Date},
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    name: String,
    age: u32,
}

const USERS: Table<User> = table!("users").index("by_age", &["age", "name"]);
const KEPT: Table<User> = table!("kept").soft_delete();

fn globals() -> Globals {
    on(&MemoryDatabase::new().unwrap())
}

fn on(database: &MemoryDatabase) -> Globals {
    Globals::new(database.clone()).clock(ManualClock::new(1_800_000_000_000))
}

fn user(name: &str, age: u32) -> User {
    User { name: name.to_owned(), age }
}

fn code<T: fmt::Debug>(result: Result<T, LunoraError>) -> String {
    result.unwrap_err().code().to_owned()
}

fn names(documents: &[Document<User>]) -> Vec<&str> {
    documents.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn a_document_is_read_as_it_was_written() {
    block_on(async {
        let globals = globals();
        let ada = globals.insert(USERS, user("ada", 36)).await.unwrap();
        assert_eq!((ada.id.len(), ada.creation_time), (26, 1_800_000_000_000.0));
        assert_eq!(globals.get(USERS, &ada.id).await.unwrap(), Some(ada.clone()));
        let older = globals.update(USERS, &ada.id, |it| Ok(User { age: 37, ..it })).await.unwrap();
        assert_eq!((older.age, older.creation_time), (37, ada.creation_time));
        let named = globals.patch(USERS, &ada.id, &json!({ "name": "Ada" })).await.unwrap();
        assert_eq!((&*named.name, named.age), ("Ada", 37));
        globals.replace(USERS, &ada.id, user("grace", 1)).await.unwrap();
        let found = globals.get(USERS, &ada.id).await.unwrap().unwrap();
        assert_eq!((found.value, found.creation_time), (user("grace", 1), ada.creation_time));
        assert!(globals.delete(USERS, &ada.id).await.unwrap());
        assert!(!globals.delete(USERS, &ada.id).await.unwrap());
        assert_eq!(globals.get(USERS, &ada.id).await.unwrap(), None);
    });
}

#[test]
fn an_id_is_taken_once_and_what_is_not_there_is_not_changed() {
    block_on(async {
        let globals = globals();
        globals.insert_with_id(USERS, "ada", user("ada", 1)).await.unwrap();
        assert_eq!(code(globals.insert_with_id(USERS, "ada", user("eve", 2)).await), "CONFLICT");
        assert_eq!(
            code(globals.insert_with_id(USERS, "", user("eve", 2)).await),
            "VALIDATION_ERROR"
        );
        assert_eq!(globals.get(USERS, "ada").await.unwrap().unwrap().name, "ada");
        assert_eq!(code(globals.update(USERS, "bob", Ok).await), "NOT_FOUND");
        assert_eq!(code(globals.replace(USERS, "bob", user("bob", 1)).await), "NOT_FOUND");
        assert_eq!(code(globals.patch(USERS, "bob", &json!({})).await), "NOT_FOUND");
    });
}

#[test]
fn refuses_what_the_type_cannot_read_and_fields_of_the_framework() {
    block_on(async {
        let globals = globals();
        globals.insert_with_id(USERS, "ada", user("ada", 1)).await.unwrap();
        assert!(globals.patch(USERS, "ada", &json!({ "age": "old" })).await.is_err());
        assert_eq!(
            code(globals.patch(USERS, "ada", &json!({ "_id": "eve" })).await),
            "VALIDATION_ERROR"
        );
        let failed = globals.update(USERS, "ada", |_| Err(LunoraError::custom("NO", 422, "no")));
        assert_eq!(code(failed.await), "NO");
        assert_eq!(globals.get(USERS, "ada").await.unwrap().unwrap().value, user("ada", 1));
    });
}

#[test]
fn no_update_is_lost_among_those_at_the_same_time() {
    block_on(async {
        let globals = globals();
        globals.insert_with_id(USERS, "ada", user("ada", 0)).await.unwrap();
        let older =
            (0..8).map(|_| globals.update(USERS, "ada", |it| Ok(User { age: it.age + 1, ..it })));
        for updated in join_all(older).await {
            updated.unwrap();
        }
        assert_eq!(globals.get(USERS, "ada").await.unwrap().unwrap().age, 8);
    });
}

#[test]
fn a_document_marked_as_deleted_is_invisible_and_stays() {
    block_on(async {
        let database = MemoryDatabase::new().unwrap();
        let globals = on(&database).clock(ManualClock::new(7));
        globals.insert_with_id(KEPT, "ada", user("ada", 1)).await.unwrap();
        assert!(globals.delete(KEPT, "ada").await.unwrap());
        assert!(!globals.delete(KEPT, "ada").await.unwrap());
        assert_eq!(globals.get(KEPT, "ada").await.unwrap(), None);
        assert_eq!(globals.table(KEPT).collect().await.unwrap(), []);
        assert_eq!(code(globals.update(KEPT, "ada", Ok).await), "NOT_FOUND");
        assert!(database.dump().unwrap().contains("\\\"_deletedAt\\\":7"));
    });
}

#[test]
fn an_index_orders_and_bounds() {
    block_on(async {
        let globals = globals();
        for (name, age) in [("d", 3), ("a", 1), ("c", 2), ("b", 2)] {
            globals.insert(USERS, user(name, age)).await.unwrap();
        }
        let by_age = || globals.table(USERS).index("by_age");
        assert_eq!(names(&by_age().collect().await.unwrap()), ["a", "b", "c", "d"]);
        let newest = by_age().order(Direction::Desc).take(2).await.unwrap();
        assert_eq!(names(&newest), ["d", "c"]);
        assert_eq!(names(&by_age().eq("age", 2).collect().await.unwrap()), ["b", "c"]);
        assert_eq!(by_age().gte("age", 2).count().await.unwrap(), 3);
        assert_eq!(by_age().lt("age", 0).first().await.unwrap(), None);
        assert_eq!(by_age().eq("age", 3).unique().await.unwrap().unwrap().name, "d");
        assert_eq!(code(by_age().eq("age", 2).unique().await), "NOT_UNIQUE");
        assert!(globals.table(USERS).index("by_name").collect().await.is_err());
    });
}

#[test]
fn an_index_with_another_definition_takes_the_place_of_the_first() {
    const AFTER: Table<User> = table!("users").index("by_age", &["name"]);

    block_on(async {
        let database = MemoryDatabase::new().unwrap();
        let indexes = || async {
            let sql =
                "SELECT name FROM sqlite_master WHERE type='index' AND name LIKE 'users.by_age%'";
            let statement = DatabaseStatement { sql: sql.into(), values: Vec::new() };
            database.run(vec![statement]).await.unwrap().remove(0)
        };
        on(&database).insert(USERS, user("ada", 1)).await.unwrap();
        let before = indexes().await;
        let globals = on(&database);
        let found = globals.table(AFTER).index("by_age").eq("name", "ada").collect();
        assert_eq!(found.await.unwrap().len(), 1);
        let after = indexes().await;
        assert_eq!((before.len(), after.len()), (1, 1));
        assert_ne!(before, after);
    });
}

#[test]
fn a_table_is_made_once() {
    block_on(async {
        let database = MemoryDatabase::new().unwrap();
        let globals = on(&database);
        globals.insert_with_id(USERS, "ada", user("ada", 1)).await.unwrap();
        let before = database.calls();
        globals.clone().get(USERS, "ada").await.unwrap();
        assert_eq!(database.calls() - before, 1);
    });
}

#[cfg(feature = "admin")]
#[test]
fn each_change_is_in_the_log_and_a_log_that_was_cut_is_refused() {
    use super::{rows::changes_of, statements::changes};
    use crate::platform::{GlobalChanges, GlobalChangesQuery};

    async fn read(
        database: &MemoryDatabase,
        query: GlobalChangesQuery,
    ) -> Result<GlobalChanges, LunoraError> {
        let answers = database.run(changes(&query)).await?;
        changes_of(&query, &answers[1], answers[0].first())
    }

    block_on(async {
        let database = MemoryDatabase::new().unwrap();
        let globals = on(&database);
        let from = |after| GlobalChangesQuery { after, limit: 2, tables: None };
        globals.insert_with_id(USERS, "ada", user("ada", 1)).await.unwrap();
        globals.insert_with_id(KEPT, "bob", user("bob", 1)).await.unwrap();
        globals.patch(USERS, "ada", &json!({ "age": 2 })).await.unwrap();
        globals.delete(USERS, "ada").await.unwrap();
        let first = read(&database, from(0)).await.unwrap();
        let second = read(&database, from(first.cursor)).await.unwrap();
        let all = [first.changes, second.changes].concat();
        let all: Vec<serde_json::Value> =
            all.iter().map(|it| serde_json::from_str(it.get()).unwrap()).collect();
        let facts: Vec<_> = all.iter().map(|it| (it["op"].as_str(), it["id"].as_str())).collect();
        let [insert, update, delete] = ["insert", "update", "delete"].map(Some);
        let (ada, bob) = (Some("ada"), Some("bob"));
        assert_eq!(facts, [(insert, ada), (insert, bob), (update, ada), (delete, ada)]);
        assert_eq!(all[0]["doc"]["_id"], "ada");
        let document: Document<User> =
            serde_json::from_str(all[2]["doc"]["doc"].as_str().unwrap()).unwrap();
        assert_eq!(document.value, user("ada", 2));
        assert_eq!(second.cursor, 4);
        assert_eq!(read(&database, from(4)).await.unwrap().changes.len(), 0);
        let kept = GlobalChangesQuery { tables: Some(vec!["kept".to_owned()]), ..from(0) };
        let kept = read(&database, kept).await.unwrap();
        assert_eq!((kept.changes.len(), kept.cursor), (1, 2));
        let sql = "DELETE FROM lunora_global_changes WHERE seq < 3";
        let cut = DatabaseStatement { sql: sql.into(), values: Vec::new() };
        database.run(vec![cut]).await.unwrap();
        assert_eq!(code(read(&database, from(1)).await), "CDC_LOG_TRIMMED");
        assert_eq!(read(&database, from(2)).await.unwrap().changes.len(), 2);
    });
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Any {
    key: serde_json::Value,
}

const ANY: Table<Any> = table!("any").index("by_key", &["key"]);

fn key() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::Value::Null),
        (-3_i64..3).prop_map(Into::into),
        Just(json!(i64::from(u32::MAX) * 2_000_000)),
        (0_u8..3).prop_map(|n| json!(f64::from(n) + 0.5)),
        "[ab]{0,2}".prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        (0_u8..3).prop_map(|at| serde_json::to_value(Date::from_millis(at.into())).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_have_every_document_once_in_the_order_of_the_whole(
        keys in proptest::collection::vec(key(), 0..12),
        limit in 1_u32..4,
        descending in any::<bool>(),
    ) {
        let direction = if descending { Direction::Desc } else { Direction::Asc };
        block_on(async {
            let globals = globals();
            for key in keys {
                globals.insert(ANY, Any { key }).await.unwrap();
            }
            let query = || globals.table(ANY).index("by_key").order(direction);
            let whole = query().collect().await.unwrap();
            let (mut paged, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = query().paginate(cursor.as_deref(), limit).await.unwrap();
                paged.extend(page.page);
                cursor = Some(page.continue_cursor);
                if page.is_done {
                    break;
                }
            }
            assert_eq!(paged, whole);
        });
    }
}
