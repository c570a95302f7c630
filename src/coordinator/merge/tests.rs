//! The rules of each merge, as tables.

use super::*;
use crate::wire::{Direction, GroupOp};

mod model;
mod rows;

/// Merges the answers in the order of `order`, and counts those that are refused.
fn merge_in(merge: &Merge, answers: &[String], order: &[usize]) -> (String, usize) {
    let mut merger = merger(merge);
    let refused = order
        .iter()
        .filter(|shard| {
            let answer = Bytes::from(answers[**shard].clone());
            merger.add(**shard, answer).is_err()
        })
        .count();
    (merger.finish(), refused)
}

/// Merges first to last, and checks that last to first gives the same.
fn merge(kind: &Merge, answers: &[&str]) -> (String, usize) {
    let answers: Vec<_> = answers.iter().map(|&answer| answer.to_owned()).collect();
    let forward: Vec<_> = (0..answers.len()).collect();
    let backward: Vec<_> = (0..answers.len()).rev().collect();
    let merged = merge_in(kind, &answers, &forward);
    assert_eq!(merged, merge_in(kind, &answers, &backward), "{answers:?}");
    merged
}

fn table(kind: &Merge, rows: &[(&[&str], &str)]) {
    for (answers, expected) in rows {
        assert_eq!(merge(kind, answers), ((*expected).to_owned(), 0), "{answers:?}");
    }
}

fn refuses(kind: &Merge, answers: &[&str]) {
    for answer in answers {
        assert_eq!(merge(kind, &[answer]).1, 1, "{answer}");
    }
}

const NAN: &str = r#"["$lunora.wire$","nan"]"#;
const INF: &str = r#"["$lunora.wire$","inf"]"#;
const NEG_INF: &str = r#"["$lunora.wire$","-inf"]"#;
const UNDEFINED: &str = r#"["$lunora.wire$","undefined"]"#;
const BIG_7: &str = r#"["$lunora.wire$","bigint","7"]"#;
const DATE_7: &str = r#"["$lunora.wire$","date",7]"#;
const NO_JSON: [&str; 5] = ["", "no", "[1,", "{} {}", "[1,\u{0}]"];

fn group_by(op: GroupOp) -> Merge {
    Merge::GroupBy { by: None, op }
}

fn top(k: u32, by: &str, direction: Direction) -> Merge {
    Merge::TopK { k, by: by.to_owned(), direction }
}

#[test]
fn no_merge_accepts_invalid_json() {
    for kind in [
        Merge::Concat,
        Merge::First,
        Merge::Sum,
        Merge::Max,
        Merge::Min,
        Merge::Rank,
        group_by(GroupOp::Sum),
        top(1, "a", Direction::Desc),
    ] {
        refuses(&kind, &NO_JSON);
    }
}

#[test]
fn concat_flattens_lists_by_one_level_and_nothing_else() {
    table(
        &Merge::Concat,
        &[
            (&[], "[]"),
            (&["[]", " [ ] "], "[]"),
            (
                &["[1, 2]", "3", "[[4]]", "null", r#"{"result":[5]}"#],
                r#"[1, 2,3,[4],null,{"result":[5]}]"#,
            ),
            (&["[9007199254740993]", "1.0", "[1e400]"], "[9007199254740993,1.0,1e400]"),
            (&[BIG_7, "[1]"], r#"[["$lunora.wire$","bigint","7"],1]"#),
            (&[r#"["\u0024lunora.wire$","nan"]"#], r#"[["\u0024lunora.wire$","nan"]]"#),
        ],
    );
}

#[test]
fn a_list_that_would_read_as_a_tag_is_escaped() {
    table(
        &Merge::Concat,
        &[
            (
                &[r#""$lunora.wire$""#, r#""nan""#],
                r#"["$lunora.wire$","arr",["$lunora.wire$","nan"]]"#,
            ),
            (&[r#""nan""#, r#""$lunora.wire$""#], r#"["nan","$lunora.wire$"]"#),
        ],
    );
}

#[test]
fn first_skips_shards_that_have_nothing() {
    table(
        &Merge::First,
        &[
            (&[], "null"),
            (&["null", UNDEFINED], "null"),
            (&["null", " 9007199254740993 ", "2"], "9007199254740993"),
            (&["[]", "[1]"], "[]"),
            (&["0", "1"], "0"),
        ],
    );
}

#[test]
fn sum_is_exact_and_knows_every_number_of_the_wire() {
    table(
        &Merge::Sum,
        &[
            (&[], "0"),
            (&["null", UNDEFINED], "0"),
            (&["1", "2.0", "3e1"], "33"),
            (&["9007199254740993", "1"], "9007199254740994"),
            (&["0.1", "0.2"], "0.30000000000000004"),
            (&["0.1"; 10], "1"),
            (&["1e400"], INF),
            (&["9007199254740993", "0.5"], "9007199254740994"),
            (&["-0"], "0"),
            (&["0.5", "-0.5"], "0"),
            (&[BIG_7, "1"], r#"["$lunora.wire$","bigint","8"]"#),
            (&[BIG_7, "0.5"], "7.5"),
            (&[INF, "1"], INF),
            (&[INF, NEG_INF], NAN),
            (&[NAN, "1"], NAN),
        ],
    );
}

#[test]
fn sum_max_and_min_refuse_values_that_are_not_numbers() {
    for kind in [Merge::Sum, Merge::Max, Merge::Min] {
        refuses(&kind, &[r#"{"result":5}"#, r#""5""#, "true", "[5]", "[]"]);
        refuses(&kind, &[r#"["$lunora.wire$","bigint","x"]"#, r#"["$lunora.wire$","bigint"]"#]);
    }
    refuses(&Merge::Sum, &[DATE_7]);
    assert_eq!(merge(&Merge::Sum, &["1", r#""2""#, "4"]), ("5".into(), 1));
}

#[test]
fn extremes_keep_the_text_of_the_number() {
    table(
        &Merge::Max,
        &[
            (&[], "null"),
            (&["null", UNDEFINED], "null"),
            (&["9007199254740992", "9007199254740993"], "9007199254740993"),
            (&["1", "1.0"], "1"),
            (&["1.0", "1"], "1.0"),
            (&["6", BIG_7, "null"], BIG_7),
            (&["6", DATE_7], DATE_7),
            (&[INF, "1e400"], INF),
            (&["5", NAN], NAN),
            (&[r#"["$lunora.wire$","date",["$lunora.wire$","nan"]]"#], NAN),
        ],
    );
    table(
        &Merge::Min,
        &[
            (&["-1e400", NEG_INF, "0"], NEG_INF),
            (&["0", "-0"], "0"),
            (&["0.1", "0.10000000000000001"], "0.1"),
        ],
    );
}

#[test]
fn rank_is_one_more_than_the_rows_before_and_the_total() {
    table(
        &Merge::Rank,
        &[
            (&[], r#"{"position":1,"total":0}"#),
            (
                &[r#"{"before":2,"total":9}"#, r#"{"total":4,"before":0}"#],
                r#"{"position":3,"total":13}"#,
            ),
        ],
    );
    refuses(
        &Merge::Rank,
        &[
            "null",
            "2",
            r#"{"result":{"before":2,"total":9}}"#,
            r#"{"before":null,"total":9}"#,
            r#"{"before":"2","total":9}"#,
            r#"{"before":2}"#,
            r#"{"before":2,"total":null}"#,
        ],
    );
    let half = [r#"{"before":2,"total":"9"}"#, r#"{"before":1,"total":1}"#];
    assert_eq!(merge(&Merge::Rank, &half), (r#"{"position":2,"total":1}"#.into(), 1));
}

#[test]
fn depth_does_not_exhaust_the_stack() {
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(merge(&Merge::Concat, &[&deep]), (deep.clone(), 0));
    assert_eq!(merge(&top(1, "a", Direction::Asc), &[&deep]), (deep.clone(), 0));
    let group = format!(r#"{{"key":{deep},"value":1}}"#);
    assert_eq!(merge(&group_by(GroupOp::Sum), &[&group]), (format!("[{group}]"), 0));
}

#[test]
fn the_result_of_an_envelope_is_its_last_field_of_that_name() {
    let result = |json: &str| result_of(&Bytes::from(json.to_owned()));
    assert_eq!(result(r#"{"result": [1.0] ,"commitCursor":4}"#).unwrap(), "[1.0]");
    assert_eq!(result(r#"{"result":1,"result":2}"#).unwrap(), "2");
    for json in ["{}", "[1]", "1", "no"] {
        assert!(result(json).is_err(), "{json}");
    }
}
