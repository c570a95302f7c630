//! Mutations: applied once, and in order. These cases write.

use serde_json::Value;

use crate::conformance::{
    answer::Answer,
    case::{Case, Checked, Mismatch, Need::Mutation},
    engine::{BATCH, Run},
};

const SECTION: &str = "Calls in a shard";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "a_mutation_answers_with_a_result_and_changes_the_value_of_the_query",
        section: "Calls",
        needs: &[Mutation],
        check: |run| {
            let before = run.read()?;
            let answer = run.rpc(&run.target.mutation(), &[])?;
            answer.status(200)?.field("result")?;
            changed(run, &answer, &before)
        },
    },
    Case {
        rule: "a_mutation_that_is_sent_again_with_its_id_is_answered_alike_and_applied_once",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let (id, client) = (run.fresh(), run.fresh());
            let headers = [("x-lunora-mutation-id", &*id), ("x-lunora-client-id", &*client)];
            let before = run.read()?;
            let first = mutate(run, &headers)?;
            let after = changed_value(run, &first, &before)?;
            let second = mutate(run, &headers)?;
            let result = first.result()?;
            if second.result()? != result {
                return Err(second.mismatch(format!("the result of the first answer: {result}")));
            }
            unchanged(run, &second, &after)
        },
    },
    Case {
        rule: "two_mutations_with_ids_of_their_own_are_both_applied",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let client = run.fresh();
            let mut value = run.read()?;
            for _ in 0..2 {
                let id = run.fresh();
                let headers = [("x-lunora-mutation-id", &*id), ("x-lunora-client-id", &*client)];
                let answer = mutate(run, &headers)?;
                value = changed_value(run, &answer, &value)?;
            }
            Ok(())
        },
    },
    Case {
        rule: "a_mutation_in_a_batch_is_applied_once_with_its_id",
        section: "Batches",
        needs: &[Mutation],
        check: |run| {
            let mut call = run.call(&run.target.mutation());
            call["mutationId"] = Value::String(run.fresh());
            call["clientId"] = Value::String(run.fresh());
            let batch = serde_json::json!({ "calls": [call, call] }).to_string();
            let answer = run.post(BATCH, &batch)?;
            let results = answer.status(200)?.field("results")?;
            let result = |slot: usize| results[slot]["body"].get("result").map(Value::to_string);
            answer.that("the same result in both slots", |_| {
                result(0).is_some() && result(0) == result(1)
            })?;
            let after = run.read()?;
            let again = run.post(BATCH, &batch)?;
            unchanged(run, &again, &after)
        },
    },
    Case {
        rule: "a_numbered_mutation_answers_with_its_number",
        section: "Calls",
        needs: &[Mutation],
        check: |run| {
            let client = run.fresh();
            numbered(run, &client, "1")?
                .that("`lastMutationId` 1", |body| body["lastMutationId"].as_u64() == Some(1))
                .map(drop)
        },
    },
    Case {
        rule: "a_mutation_with_a_number_that_was_applied_is_answered_and_not_applied_again",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let (client, before) = applied(run)?;
            let again = numbered(run, &client, "1")?;
            again
                .status(200)?
                .that("`lastMutationId` 1", |body| body["lastMutationId"].as_u64() == Some(1))?;
            unchanged(run, &again, &before)
        },
    },
    Case {
        rule: "a_mutation_whose_number_leaves_a_gap_is_refused_and_not_applied",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let (client, before) = applied(run)?;
            let answer = numbered(run, &client, "3")?;
            answer.refused(409, "OUT_OF_ORDER")?;
            unchanged(run, &answer, &before)
        },
    },
];

fn mutate(run: &Run<'_>, headers: &[(&str, &str)]) -> Result<Answer, Mismatch> {
    let answer = run.rpc(&run.target.mutation(), headers)?;
    answer.status(200)?;
    Ok(answer)
}

/// Sends the mutation of a client with a sequence number.
fn numbered(run: &mut Run<'_>, client: &str, number: &str) -> Result<Answer, Mismatch> {
    let id = run.fresh();
    let headers = [
        ("x-lunora-mutation-id", &*id),
        ("x-lunora-client-id", client),
        ("x-lunora-client-seq", number),
    ];
    run.rpc(&run.target.mutation(), &headers)
}

/// Applies the first numbered mutation of a new client, and returns the client and the value after it.
fn applied(run: &mut Run<'_>) -> Result<(String, Value), Mismatch> {
    let client = run.fresh();
    numbered(run, &client, "1")?.status(200)?;
    Ok((client, run.read()?))
}

/// Expects the query to have another value than before the answer.
fn changed(run: &Run<'_>, answer: &Answer, before: &Value) -> Checked {
    changed_value(run, answer, before).map(drop)
}

fn changed_value(run: &Run<'_>, answer: &Answer, before: &Value) -> Result<Value, Mismatch> {
    let after = run.read()?;
    if after == *before {
        let query = run.target.query().path;
        return Err(answer.mismatch(format!("another value of {query} after the mutation")));
    }
    Ok(after)
}

/// Expects the query to have the value that it had before the answer.
fn unchanged(run: &Run<'_>, answer: &Answer, before: &Value) -> Checked {
    if run.read()? == *before {
        return Ok(());
    }
    let query = run.target.query().path;
    Err(answer.mismatch(format!("no effect: the same value of {query} as before")))
}
