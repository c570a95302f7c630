//! The rules of each merge, as tables.

use super::*;
use crate::wire::{Direction, GroupOp};

mod model;

/// Merges, each answer added at its turn of `order`; what is refused is counted.
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

fn top(k: u32, by: Option<&str>, direction: Direction) -> Merge {
    let by = by.map(Into::into);
    Merge::TopK { k, by, direction }
}

#[test]
fn no_merge_takes_what_is_no_json() {
    for kind in [
        Merge::Concat,
        Merge::First,
        Merge::Sum,
        Merge::Max,
        Merge::Min,
        Merge::Rank,
        group_by(GroupOp::Sum),
        top(1, None, Direction::Desc),
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
fn first_passes_over_shards_that_have_nothing() {
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
fn sum_max_and_min_refuse_what_is_no_number() {
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
fn rank_is_one_more_than_the_rows_before() {
    table(&Merge::Rank, &[(&[], "1"), (&[r#"{"before":2,"total":9}"#, r#"{"before":0}"#], "3")]);
    refuses(
        &Merge::Rank,
        &["null", "2", r#"{"result":{"before":2}}"#, r#"{"before":null}"#, r#"{"before":"2"}"#],
    );
}

#[test]
fn groups_are_the_same_when_their_canonical_keys_are() {
    table(
        &group_by(GroupOp::Sum),
        &[
            (&[], "[]"),
            (
                &[r#"[{"key":{"b":1,"a":2},"value":1}]"#, r#"{"value":2,"key":{"a":2.0,"b":1}}"#],
                r#"[{"key":{"b":1,"a":2},"value":3}]"#,
            ),
            (
                &[
                    r#"[{"key":"z","value":1},{"key":"a","value":1}]"#,
                    r#"[{"key":"b","value":1},{"key":"z","value":1}]"#,
                ],
                r#"[{"key":"z","value":2},{"key":"a","value":1},{"key":"b","value":1}]"#,
            ),
            (
                &[r#"[{"key":9007199254740992,"value":1},{"key":9007199254740993,"value":1}]"#],
                r#"[{"key":9007199254740992,"value":1},{"key":9007199254740993,"value":1}]"#,
            ),
            (&[r#"[{"value":1},{"key":null,"value":null}]"#], r#"[{"key":null,"value":1}]"#),
        ],
    );
    table(
        &group_by(GroupOp::Max),
        &[
            (&[r#"{"key":1,"value":null}"#], r#"[{"key":1,"value":null}]"#),
            (
                &[r#"{"key":1,"value":9007199254740993}"#, r#"{"key":1,"value":9007199254740992}"#],
                r#"[{"key":1,"value":9007199254740993}]"#,
            ),
        ],
    );
}

#[test]
fn groups_keep_the_name_of_the_field_they_go_by() {
    let kind = Merge::GroupBy { by: Some("a\"b".into()), op: GroupOp::Min };
    table(
        &kind,
        &[(
            &[r#"{"a\"b":1,"value":2}"#, r#"{"a\"b":1,"value":-2,"key":0}"#],
            r#"[{"a\"b":1,"value":-2}]"#,
        )],
    );
}

#[test]
fn an_answer_with_one_bad_group_leaves_no_trace() {
    for bad in [
        r#"{"key":1,"value":"5"}"#,
        r#"{"key":1}"#,
        "5",
        "null",
        r#"{"key":1,"value":["$lunora.wire$","date",1]}"#,
    ] {
        let answer = format!(r#"[{{"key":1,"value":1}},{bad}]"#);
        let merged = merge(&group_by(GroupOp::Sum), &[&answer, r#"{"key":2,"value":2}"#]);
        assert_eq!(merged, (r#"[{"key":2,"value":2}]"#.to_owned(), 1), "{bad}");
    }
}

#[test]
fn top_k_orders_kinds_and_puts_last_what_has_no_order() {
    let all = format!(r#"[null,"b",2,true,{NAN},[1],"a",{BIG_7},false,{{}},{DATE_7},1.5]"#);
    let last = format!(r#"null,{NAN},[1],{{}}"#);
    table(
        &top(99, None, Direction::Asc),
        &[(&[&all], &format!(r#"[false,true,1.5,2,{BIG_7},{DATE_7},"a","b",{last}]"#))],
    );
    table(
        &top(99, None, Direction::Desc),
        &[(&[&all], &format!(r#"["b","a",{BIG_7},{DATE_7},2,1.5,true,false,{last}]"#))],
    );
}

#[test]
fn top_k_keeps_rows_as_they_are_and_ties_in_order() {
    let kind = top(3, Some("n"), Direction::Desc);
    table(
        &kind,
        &[
            (&[], "[]"),
            (
                &[
                    r#"[{"id":1,"n":1}, {"id":2, "n":9007199254740993}]"#,
                    r#"{"id":3,"n":1}"#,
                    r#"[{"id":4,"n":9007199254740992},{"id":5}]"#,
                ],
                r#"[{"id":2, "n":9007199254740993},{"id":4,"n":9007199254740992},{"id":1,"n":1}]"#,
            ),
        ],
    );
    table(&top(0, None, Direction::Asc), &[(&["[1,2]"], "[]")]);
}

#[test]
fn top_k_compares_strings_by_utf_16_code_units() {
    let kind = top(2, None, Direction::Asc);
    table(&kind, &[(&["[\"\u{ff5e}\",\"\u{1f600}\"]"], "[\"\u{1f600}\",\"\u{ff5e}\"]")]);
}

#[test]
fn top_k_holds_k_rows_and_concat_holds_the_answer() {
    let answer = Bytes::from(format!("[{}]", vec!["1234"; 1000].join(",")));
    let mut top = merger(&top(3, None, Direction::Desc));
    let mut concat = merger(&Merge::Concat);
    for shard in 0..5 {
        top.add(shard, answer.clone()).unwrap();
        concat.add(shard, answer.clone()).unwrap();
    }
    assert_eq!(top.held(), 3 * 4);
    assert_eq!(concat.held(), 5 * (answer.len() - 2));
}

#[test]
fn depth_does_not_exhaust_the_stack() {
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(merge(&Merge::Concat, &[&deep]), (deep.clone(), 0));
    assert_eq!(merge(&top(1, Some("a"), Direction::Asc), &[&deep]), (deep.clone(), 0));
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
