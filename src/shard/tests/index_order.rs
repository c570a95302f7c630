//! Documents in an index, compared with a sort of their values in memory.

#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::cmp::Ordering;

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::wire::value::{BigInt, Date, TypedBytes, Value as Wire};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Item {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<Wire>,
}

const ITEMS: Table<Item> =
    table!("items").index("by_v", &["v"]).rank_index("ranked", &[], &[("v", Direction::Desc)]);

fn items() -> ShardDefinition {
    ShardDefinition::new().table(ITEMS)
}

fn big(text: &str) -> Wire {
    text.parse::<BigInt>().unwrap().into()
}

fn date(millis: f64) -> Wire {
    Date::from_millis(millis).into()
}

fn bytes(data: &[u8]) -> Wire {
    TypedBytes::from(data.to_vec()).into()
}

/// Compares in the documented order: by type, then by value.
fn by_value(a: &Wire, b: &Wire) -> Ordering {
    fn type_of(value: &Wire) -> u8 {
        match value {
            Wire::Null | Wire::Undefined => 0,
            Wire::Number(number) if number.is_nan() => 0,
            Wire::Number(_) => 1,
            Wire::String(_) => 2,
            Wire::Bool(_) => 3,
            Wire::Date(_) => 4,
            Wire::BigInt(_) => 5,
            Wire::Bytes(_) => 6,
            Wire::Array(_) => 8,
            Wire::Object(_) => 9,
            _ => 7,
        }
    }
    let within = match (a, b) {
        (a, b) if type_of(a) == 0 && type_of(b) == 0 => Ordering::Equal,
        (Wire::Number(a), Wire::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Wire::String(a), Wire::String(b)) => a.cmp(b),
        (Wire::Bool(a), Wire::Bool(b)) => a.cmp(b),
        (Wire::Date(a), Wire::Date(b)) => a.millis().cmp(&b.millis()),
        (Wire::BigInt(a), Wire::BigInt(b)) => {
            i128::try_from(a).unwrap().cmp(&i128::try_from(b).unwrap())
        }
        (Wire::Bytes(a), Wire::Bytes(b)) => a.as_slice().cmp(b.as_slice()),
        (a, b) => a.to_wire().unwrap().cmp(&b.to_wire().unwrap()),
    };
    type_of(a).cmp(&type_of(b)).then(within)
}

fn insert(shard: &TestShard, values: &[Wire]) {
    mutate(shard, |ctx| {
        for (at, value) in values.iter().enumerate() {
            ctx.db().insert_with_id(ITEMS, format!("{at:04}"), Item { v: Some(value.clone()) })?;
        }
        Ok(())
    })
    .unwrap();
}

type Found = Vec<Document<Item>>;

fn ids(
    shard: &TestShard,
    ask: impl FnOnce(TableQuery<'_, Item>) -> Result<Found, LunoraError>,
) -> Vec<String> {
    let found = query(shard, |ctx| ask(ctx.db().table(ITEMS).index("by_v"))).unwrap().0;
    found.into_iter().map(|item| item.id).collect()
}

fn pages(shard: &TestShard, direction: Direction) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let (page, _) = query(shard, |ctx| {
            let all = ctx.db().table(ITEMS).index("by_v").order(direction);
            all.paginate(cursor.as_deref(), 2)
        })
        .unwrap();
        ids.extend(page.page.into_iter().map(|item| item.id));
        if page.is_done {
            return ids;
        }
        cursor = Some(page.continue_cursor);
    }
}

fn ranks(shard: &TestShard) -> Vec<String> {
    let operator = shard.admin_token(admin::TOKEN);
    let (mut ids, mut after) = (Vec::<String>::new(), Value::Null);
    loop {
        let mut args = json!({ "table": "items", "index": "ranked", "take": 2 });
        if !after.is_null() {
            args["after"] = after;
        }
        let page = admin::ok(operator.admin("rankPage", &args));
        for row in page["rows"].as_array().unwrap() {
            let mut key = row["key"].clone();
            key["table"] = json!("items");
            key["index"] = json!("ranked");
            let place = admin::ok(operator.admin("rankBefore", &key));
            assert_eq!(place["before"], json!(ids.len()), "{row}");
            // The value itself says the same place as the key of the page.
            let value = row["doc"]["v"].clone();
            key["sortValues"] = json!([value]);
            let place = admin::ok(operator.admin("rankBefore", &key));
            assert_eq!(place["before"], json!(ids.len()), "{row}");
            ids.push(row["doc"]["_id"].as_str().unwrap().to_owned());
        }
        after = match page["rows"].as_array().unwrap().last() {
            Some(last) if page["hasMore"] == json!(true) => last["key"].clone(),
            _ => return ids,
        };
    }
}

fn sorted(values: &[Wire]) -> Vec<String> {
    let mut all: Vec<_> = values.iter().enumerate().collect();
    all.sort_by(|a, b| by_value(a.1, b.1).then(a.0.cmp(&b.0)));
    all.into_iter().map(|(at, _)| format!("{at:04}")).collect()
}

#[test]
fn sorts_an_index_by_value() {
    let values = [
        date(1.78e12),
        date(0.0),
        date(9.47e11),
        date(-1.0),
        date(f64::NAN),
        big("10"),
        big("9"),
        big("-1"),
        big("-2"),
        big("-10"),
        big("0"),
        bytes(&[255]),
        bytes(&[0]),
        bytes(&[]),
        bytes(&[0, 0]),
        bytes(&[62, 200, 1]),
        true.into(),
        false.into(),
        1.0.into(),
        f64::NEG_INFINITY.into(),
        f64::INFINITY.into(),
        "[1]".into(),
        vec![Wire::from(1.0)].into(),
        Wire::Null,
    ];
    let shard = TestShard::new(items());
    insert(&shard, &values);
    assert_eq!(ids(&shard, |all| all.order(Direction::Asc).collect()), sorted(&values));
    assert_eq!(pages(&shard, Direction::Asc), sorted(&values));
}

#[test]
fn tells_types_apart_in_look_ups() {
    let values = [
        true.into(),
        1.0.into(),
        "[1]".into(),
        vec![Wire::from(1.0)].into(),
        false.into(),
        0.0.into(),
        date(1.0),
        big("1"),
        bytes(&[1]),
        "1".into(),
        Wire::Null,
    ];
    let shard = TestShard::new(items());
    insert(&shard, &values);
    assert_eq!(ids(&shard, |all| all.eq("v", true).collect()), ["0000"]);
    assert_eq!(ids(&shard, |all| all.eq("v", 1).collect()), ["0001"]);
    assert_eq!(ids(&shard, |all| all.eq("v", "[1]").collect()), ["0002"]);
    assert_eq!(ids(&shard, |all| all.eq("v", false).collect()), ["0004"]);
    assert_eq!(ids(&shard, |all| all.eq("v", 0.0).collect()), ["0005"]);
    assert_eq!(ids(&shard, |all| all.eq("v", Date::from_millis(1.0)).collect()), ["0006"]);
    assert_eq!(ids(&shard, |all| all.eq("v", BigInt::from(1)).collect()), ["0007"]);
    assert_eq!(ids(&shard, |all| all.eq("v", TypedBytes::from(vec![1])).collect()), ["0008"]);
    assert_eq!(ids(&shard, |all| all.eq("v", "1").collect()), ["0009"]);
    assert_eq!(ids(&shard, |all| all.eq("v", None::<bool>).collect()), ["0010"]);
    let text = query(&shard, |ctx| ctx.db().table(ITEMS).eq("_creationTime", "0").count());
    assert_eq!(text.unwrap().0, 0);
    let later = query(&shard, |ctx| ctx.db().table(ITEMS).lt("_creationTime", "").count());
    assert_eq!(later.unwrap().0, 11);
}

#[test]
fn a_partition_of_a_rank_tells_types_apart() {
    const PARTS: Table = table!("parts").rank_index("by_v", &["v"], &[("v", Direction::Asc)]);
    let shard = TestShard::new(ShardDefinition::new().table(PARTS));
    let values = [json!(true), json!(1), json!("[1]"), json!([1]), json!(null), json!("é\"")];
    mutate(&shard, |ctx| {
        for (at, value) in values.iter().enumerate() {
            let doc = Wire::from_wire(json!({ "v": value }).to_string()).unwrap();
            ctx.db().insert_with_id(PARTS, at.to_string(), doc)?;
        }
        Ok(())
    })
    .unwrap();
    for (at, value) in values.iter().enumerate() {
        let args = json!({ "table": "parts", "index": "by_v",
            "partitionKey": json!([value]).to_string() });
        let page = admin::ok(shard.admin_token(admin::TOKEN).admin("rankPage", &args));
        let rows = page["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{value}");
        assert_eq!(rows[0]["doc"]["_id"], json!(at.to_string()), "{value}");
    }
}

#[test]
fn a_live_look_up_follows_its_own_type_only() {
    let shard = TestShard::new(items());
    let (_, reads) =
        query(&shard, |ctx| ctx.db().table(ITEMS).index("by_v").eq("v", true).count()).unwrap();
    let commit = |json: &str| crate::shard::Commit {
        changes: vec![crate::shard::tracking::Change {
            table: "items",
            id: "x".to_owned(),
            op: crate::shard::ChangeOp::Insert,
            before: None,
            after: Some(json.into()),
        }],
        ..crate::shard::Commit::default()
    };
    assert!(reads.touched_by(&commit(r#"{"v":true}"#)));
    assert!(!reads.touched_by(&commit(r#"{"v":1}"#)));
}

#[test]
fn indexes_with_keys_of_an_earlier_version_are_made_anew_when_the_object_wakes() {
    let values = [true.into(), 1.0.into(), date(0.0), date(1.78e12), date(9.47e11)];
    let shard = TestShard::new(items());
    insert(&shard, &values);
    for sql in [
        "DROP INDEX \"items.by_v\"",
        "DROP INDEX \"items.ranked\"",
        "CREATE INDEX \"items.by_v\" ON \"items\"(json_extract(\"doc\",'$.\"v\"'),\"_creationTime\",\"_id\")",
        "CREATE INDEX \"items.ranked\" ON \"items\"(json_extract(\"doc\",'$.\"v\"') DESC,\"_id\")",
        "UPDATE _lunora_meta SET value='earlier' WHERE name='schema'",
    ] {
        shard.host().exec(sql, &[]).unwrap();
    }
    let woken = shard.wake(items());
    assert_eq!(ids(&woken, |all| all.order(Direction::Asc).collect()), sorted(&values));
    let sql = "SELECT sql FROM sqlite_master WHERE name='items.by_v'";
    let kept = format!("{:?}", woken.host().exec(sql, &[]).unwrap().rows);
    assert!(kept.contains("json_type"), "{kept}");
    let plan = "EXPLAIN QUERY PLAN SELECT \"doc\" FROM \"items\" WHERE";
    let expression = crate::shard::db::key::expression("v");
    let plan = woken.host().exec(&format!("{plan} {expression}=?"), &[SqlCell::Null]).unwrap();
    assert!(format!("{:?}", plan.rows).contains("USING INDEX items."), "{:?}", plan.rows);
}

fn value() -> impl Strategy<Value = Wire> {
    prop_oneof![
        Just(Wire::Null),
        any::<bool>().prop_map(Wire::from),
        (-3..3_i32).prop_map(|number| Wire::from(f64::from(number) / 2.0)),
        prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)]
            .prop_map(Wire::Number),
        // SQLite reads digits beyond these with an error in the last bit.
        (any::<i32>(), 0..20).prop_map(|(n, shift)| (f64::from(n) / f64::from(1 << shift)).into()),
        prop_oneof!["[01]{0,2}", "\\[1\\]", "[a-c\\[{\"é\u{1f600}]{0,3}"].prop_map(Wire::from),
        prop_oneof![(-3..3_i64).prop_map(|ms| ms as f64), -9e15..9e15].prop_map(date),
        prop_oneof![(-12..12_i128).boxed(), any::<i128>().boxed()]
            .prop_map(|integer| BigInt::from(integer).into()),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(|data| bytes(&data)),
        prop::collection::vec(prop_oneof![Just(Wire::Null), Just(Wire::from(1.0))], 0..3)
            .prop_map(Wire::from),
        Just(Wire::from_wire(r#"["$lunora.wire$","set",[1]]"#).unwrap()),
        Just(Wire::from_wire(r#"{"a":1}"#).unwrap()),
    ]
}

fn looked_up(value: &Wire) -> Option<IndexValue> {
    Some(match value {
        Wire::Bool(flag) => (*flag).into(),
        Wire::Number(number) => (*number).into(),
        Wire::String(text) => text.into(),
        Wire::Date(date) => (*date).into(),
        Wire::BigInt(integer) => integer.clone().into(),
        Wire::Bytes(bytes) => bytes.clone().into(),
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_orders_and_bounds_as_a_sort_by_value(
        values in prop::collection::vec(value(), 0..24),
        bound in value(),
    ) {
        let shard = TestShard::new(items());
        insert(&shard, &values);
        let mut expected = sorted(&values);
        prop_assert_eq!(ids(&shard, |all| all.order(Direction::Asc).collect()), expected.clone());
        prop_assert_eq!(pages(&shard, Direction::Asc), expected.clone());
        expected.reverse();
        prop_assert_eq!(pages(&shard, Direction::Desc), expected);
        let mut ranked: Vec<_> = values.iter().enumerate().collect();
        ranked.sort_by(|a, b| by_value(b.1, a.1).then(a.0.cmp(&b.0)));
        let ranked: Vec<_> = ranked.into_iter().map(|(at, _)| format!("{at:04}")).collect();
        prop_assert_eq!(ranks(&shard), ranked);
        let Some(key) = looked_up(&bound) else { return Ok(()) };
        let null = |value: &Wire| by_value(value, &Wire::Null).is_eq();
        if null(&bound) {
            return Ok(());
        }
        let expect = |found: Vec<String>, keep: &dyn Fn(Ordering) -> bool| {
            let at = |id: &String| &values[id.parse::<usize>().unwrap()];
            let mut expected = sorted(&values);
            expected.retain(|id| !null(at(id)) && keep(by_value(at(id), &bound)));
            prop_assert_eq!(found, expected);
            Ok::<(), TestCaseError>(())
        };
        expect(ids(&shard, |all| all.eq("v", key.clone()).collect()), &Ordering::is_eq)?;
        expect(ids(&shard, |all| all.gt("v", key.clone()).collect()), &Ordering::is_gt)?;
        expect(ids(&shard, |all| all.gte("v", key.clone()).collect()), &Ordering::is_ge)?;
        expect(ids(&shard, |all| all.lt("v", key.clone()).collect()), &Ordering::is_lt)?;
        expect(ids(&shard, |all| all.lte("v", key.clone()).collect()), &Ordering::is_le)?;
    }

    #[test]
    fn a_key_read_from_a_document_is_the_one_in_the_index(value in value()) {
        let shard = TestShard::new(items());
        insert(&shard, std::slice::from_ref(&value));
        let expression = crate::shard::db::key::expression("v");
        let rows = shard.host().exec(&format!("SELECT \"doc\",{expression} FROM \"items\""), &[]);
        let rows = rows.unwrap().rows;
        let doc = crate::shard::database::to_text(rows[0][0].clone()).unwrap();
        let of_document = crate::shard::db::key::of_document(&doc, "v");
        let same = match (&of_document, &rows[0][1]) {
            (SqlValue::Integer(integer), SqlCell::Number(number)) => *integer as f64 == *number,
            (of_document, cell) => of_document.to_cell() == *cell,
        };
        prop_assert!(same, "{:?} {:?}", of_document, rows);
    }
}
