//! The merges of rows: `groupBy` and `topK`.

use super::*;

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
fn groups_keep_the_name_of_the_field_that_groups_them() {
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
fn top_k_orders_numbers_and_puts_other_values_last() {
    let rows = |values: &[&str]| {
        let rows: Vec<_> = values.iter().map(|value| format!(r#"{{"n":{value}}}"#)).collect();
        rows.join(",")
    };
    let last = [rows(&["null", r#""9""#, "true", NAN, "[1]", "{}"]), "{},7,null".into()].join(",");
    let mixed = [&last, &rows(&["2", BIG_7, DATE_7, INF, "1.5", NEG_INF])];
    let all = format!("[{},{}]", mixed[0], mixed[1]);
    let ascending = rows(&[NEG_INF, "1.5", "2", BIG_7, DATE_7, INF]);
    let descending = rows(&[INF, BIG_7, DATE_7, "2", "1.5", NEG_INF]);
    for (direction, first) in [(Direction::Asc, ascending), (Direction::Desc, descending)] {
        table(&top(99, "n", direction), &[(&[&all], &format!("[{first},{last}]"))]);
    }
}

#[test]
fn top_k_keeps_rows_as_they_are_and_ties_in_order() {
    let kind = top(3, "n", Direction::Desc);
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
    table(&top(0, "n", Direction::Asc), &[(&["[1,2]"], "[]")]);
}

#[test]
fn top_k_holds_k_rows_and_concat_holds_the_answer() {
    let answer = Bytes::from(format!("[{}]", vec!["1234"; 1000].join(",")));
    let mut top = merger(&top(3, "n", Direction::Desc));
    let mut concat = merger(&Merge::Concat);
    for shard in 0..5 {
        top.add(shard, answer.clone()).unwrap();
        concat.add(shard, answer.clone()).unwrap();
    }
    assert_eq!(top.held(), 3 * 4);
    assert_eq!(concat.held(), 5 * (answer.len() - 2));
}
