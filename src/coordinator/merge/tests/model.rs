//! Compares every merge with a simple model, in any order of arrival.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Answers of shards in a random order of arrival.
fn arriving(
    answer: impl Strategy<Value = Value> + 'static,
) -> impl Strategy<Value = (Vec<Value>, Vec<usize>)> {
    prop::collection::vec(answer, 0..12).prop_flat_map(|answers| {
        let places: Vec<_> = (0..answers.len()).collect();
        (Just(answers), Just(places).prop_shuffle())
    })
}

fn run(kind: &Merge, (answers, order): &(Vec<Value>, Vec<usize>)) -> (Value, usize) {
    let answers: Vec<_> = answers.iter().map(Value::to_string).collect();
    let (merged, refused) = merge_in(kind, &answers, order);
    (serde_json::from_str(&merged).unwrap(), refused)
}

fn number_or_not() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-1_000_000_i64..1_000_000).prop_map(|n| json!(n)),
        (-4_000_000_i64..4_000_000).prop_map(|n| json!(n as f64 / 8.0)),
        Just(Value::Null),
        Just(json!("no number")),
    ]
}

fn row() -> impl Strategy<Value = Value> {
    (0..5_u8, prop_oneof![(-9..9_i8).prop_map(|n| json!(n)), Just(Value::Null)])
        .prop_map(|(key, value)| json!({ "key": key, "value": value }))
}

fn rows() -> impl Strategy<Value = Value> {
    prop_oneof![prop::collection::vec(row(), 0..6).prop_map(Value::from), row(),]
}

fn flatten(answers: &[Value]) -> Vec<Value> {
    answers
        .iter()
        .flat_map(|answer| match answer {
            Value::Array(list) => list.clone(),
            other => vec![other.clone()],
        })
        .collect()
}

proptest! {
    #[test]
    fn concat_is_the_flattened_answers(arriving in arriving(rows())) {
        prop_assert_eq!(run(&Merge::Concat, &arriving), (json!(flatten(&arriving.0)), 0));
    }

    #[test]
    fn first_is_the_first_that_is_not_null(arriving in arriving(number_or_not())) {
        let first = arriving.0.iter().find(|answer| !answer.is_null());
        prop_assert_eq!(run(&Merge::First, &arriving), (first.cloned().unwrap_or_default(), 0));
    }

    #[test]
    fn numbers_merge_as_numbers_do(arriving in arriving(number_or_not())) {
        let numbers: Vec<_> = arriving.0.iter().filter_map(Value::as_f64).collect();
        let refused = arriving.0.iter().filter(|answer| answer.is_string()).count();
        let (sum, sum_refused) = run(&Merge::Sum, &arriving);
        let (max, max_refused) = run(&Merge::Max, &arriving);
        let (min, min_refused) = run(&Merge::Min, &arriving);
        prop_assert_eq!([sum_refused, max_refused, min_refused], [refused; 3]);
        prop_assert_eq!(sum.as_f64(), Some(numbers.iter().sum()));
        prop_assert_eq!(max.as_f64(), numbers.iter().copied().reduce(f64::max));
        prop_assert_eq!(min.as_f64(), numbers.iter().copied().reduce(f64::min));
    }

    #[test]
    fn no_order_of_arrival_changes_a_sum_of_floats(
        numbers in prop::collection::vec(-1e300..1e300_f64, 0..9),
        scale in 0..600_i32,
    ) {
        let scaled = numbers.iter().map(|n| n / 10_f64.powi(scale)).chain(numbers.iter().copied());
        let answers: Vec<_> = scaled.map(|n| n.to_string()).collect();
        let forward: Vec<_> = (0..answers.len()).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        prop_assert_eq!(merge_in(&Merge::Sum, &answers, &forward), merge_in(&Merge::Sum, &answers, &backward));
    }

    #[test]
    fn a_sum_beyond_floats_keeps_its_last_digit(numbers in prop::collection::vec(any::<i64>(), 0..9)) {
        let answers: Vec<_> = numbers.iter().map(i64::to_string).collect();
        let order: Vec<_> = (0..answers.len()).collect();
        let sum: i128 = numbers.iter().map(|n| i128::from(*n)).sum();
        prop_assert_eq!(merge_in(&Merge::Sum, &answers, &order), (sum.to_string(), 0));
    }

    #[test]
    fn rank_is_the_rows_before_and_one(arriving in arriving((0..1000_u32).prop_map(|n| json!({ "before": n, "total": n + 1 })))) {
        let before: u64 = arriving.0.iter().filter_map(|answer| answer["before"].as_u64()).sum();
        let total = before + arriving.0.len() as u64;
        let rank = json!({ "position": before + 1, "total": total });
        prop_assert_eq!(run(&Merge::Rank, &arriving), (rank, 0));
    }

    #[test]
    fn groups_are_what_a_loop_makes_of_the_rows(
        arriving in arriving(rows()),
        op in prop_oneof![Just(GroupOp::Sum), Just(GroupOp::Max), Just(GroupOp::Min)],
    ) {
        let mut groups: Vec<(Value, Vec<i64>)> = Vec::new();
        for row in flatten(&arriving.0) {
            let value = row["value"].as_i64();
            match groups.iter_mut().find(|(key, _)| *key == row["key"]) {
                Some((_, values)) => values.extend(value),
                None => groups.push((row["key"].clone(), value.into_iter().collect())),
            }
        }
        let expected: Vec<_> = groups.into_iter().map(|(key, values)| {
            let value = match op {
                GroupOp::Sum => Some(values.iter().sum()),
                GroupOp::Max => values.iter().max().copied(),
                GroupOp::Min => values.iter().min().copied(),
            };
            json!({ "key": key, "value": value })
        }).collect();
        prop_assert_eq!(run(&group_by(op), &arriving), (json!(expected), 0));
    }

    #[test]
    fn top_k_is_the_head_of_a_stable_sort(arriving in arriving(rows()), k in 0..9_u32, descending: bool) {
        let (mut expected, last): (Vec<_>, Vec<_>) = flatten(&arriving.0).into_iter()
            .partition(|row| row["value"].is_i64());
        expected.sort_by_key(|row| {
            let value = row["value"].as_i64().unwrap();
            if descending { -value } else { value }
        });
        expected.extend(last);
        expected.truncate(k as usize);
        let direction = if descending { Direction::Desc } else { Direction::Asc };
        prop_assert_eq!(run(&top(k, "value", direction), &arriving), (json!(expected), 0));
    }

    #[test]
    fn no_bytes_make_a_merge_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in r#"[\[\]{}",:$a-z0-9.eE+-]{0,40}"#) {
        for kind in [Merge::Concat, Merge::First, Merge::Sum, Merge::Max, Merge::Rank, group_by(GroupOp::Max), top(1, "a", Direction::Asc)] {
            let mut merger = merger(&kind);
            let _ = merger.add(0, Bytes::from(bytes.clone()));
            let _ = merger.add(1, Bytes::from(text.clone()));
            let merged: Result<Value, _> = serde_json::from_str(&merger.finish());
            prop_assert!(merged.is_ok());
        }
    }
}
