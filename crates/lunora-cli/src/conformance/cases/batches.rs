//! Batches of calls.

use serde_json::{Value, json};

use crate::conformance::{
    case::{Case, Need::Query},
    engine::{As, BATCH},
};

const SECTION: &str = "Batches";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "answers_a_batch_without_calls",
        section: SECTION,
        needs: &[],
        check: |run| {
            let answer = run.post(BATCH, r#"{"calls":[]}"#)?;
            answer.status(200)?.that("no results", |body| body["results"] == json!([])).map(drop)
        },
    },
    Case {
        rule: "refuses_a_batch_of_more_than_500_calls",
        section: SECTION,
        needs: &[],
        check: |run| {
            let calls = vec![json!({ "functionPath": "a:b" }); 501];
            let batch = json!({ "calls": calls }).to_string();
            run.post(BATCH, &batch)?.refused_as(&[400])
        },
    },
    Case {
        rule: "refuses_a_batch_that_is_not_json",
        section: SECTION,
        needs: &[],
        check: |run| run.post(BATCH, "{")?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_calls_that_are_not_an_array",
        section: SECTION,
        needs: &[],
        check: |run| run.post(BATCH, r#"{"calls":{}}"#)?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_a_batch_with_a_malformed_call",
        section: SECTION,
        needs: &[],
        check: |run| {
            for call in [json!({}), json!(7), json!({ "functionPath": "a:b", "args": [] })] {
                let batch = json!({ "calls": [{ "functionPath": "a:b" }, call] });
                run.post(BATCH, &batch.to_string())?.refused(400, "BAD_REQUEST")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "refuses_a_batch_with_an_empty_shard_key",
        section: SECTION,
        needs: &[],
        check: |run| {
            let batch = json!({ "calls": [{ "functionPath": "a:b", "shardKey": "" }] });
            run.post(BATCH, &batch.to_string())?.refused(400, "BAD_REQUEST")
        },
    },
    Case {
        rule: "refuses_a_batch_with_a_reserved_function",
        section: SECTION,
        needs: &[],
        check: |run| {
            for path in ["__lunora_admin__:runSql", "__lunora_relation__:t"] {
                let batch = json!({ "calls": [{ "functionPath": path }] });
                run.post(BATCH, &batch.to_string())?.refused(403, "FORBIDDEN")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "refuses_a_batch_by_another_method_than_post",
        section: SECTION,
        needs: &[],
        check: |run| {
            let answer = run.send("GET", BATCH, As::User, &[], "")?;
            answer.refused(405, "METHOD_NOT_ALLOWED")
        },
    },
    Case {
        rule: "answers_the_calls_of_a_batch_in_their_order_with_their_ids",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let call = |id: Value| {
                let mut call = run.call(&run.target.query());
                call["id"] = id;
                call
            };
            let batch = json!({ "calls": [call(json!("z")), call(json!("a")), call(json!("m"))] });
            let answer = run.post(BATCH, &batch.to_string())?;
            let ids = |body: &Value| {
                let slots = body["results"].as_array().into_iter().flatten();
                slots.map(|slot| slot["id"].clone()).collect::<Vec<_>>()
            };
            answer.status(200)?.that("results with the ids z, a and m", |body| {
                ids(body) == [json!("z"), json!("a"), json!("m")]
            })?;
            Ok(())
        },
    },
    Case {
        rule: "a_call_that_fails_fails_its_own_slot_of_a_batch",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let call = run.call(&run.target.query());
            let mut unknown = call.clone();
            unknown["functionPath"] = json!("conformance:unknown");
            let answer = run.post(BATCH, &json!({ "calls": [call, unknown, call] }).to_string())?;
            answer.status(200)?.that("the statuses 200, 404 and 200", |body| {
                let slots = body["results"].as_array().into_iter().flatten();
                let statuses = slots.map(|slot| slot["status"].as_u64().unwrap_or_default());
                statuses.collect::<Vec<_>>() == [200, 404, 200]
            })?;
            let slots = answer.field("results")?;
            answer.error(&slots[1]["body"], Some("FUNCTION_NOT_FOUND"))?;
            let result = |slot: usize| slots[slot]["body"].get("result").is_some();
            answer
                .that("a result in the first and the last slot", |_| result(0) && result(2))
                .map(drop)
        },
    },
    Case {
        rule: "the_slot_of_a_call_without_an_id_has_its_index",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let call = run.call(&run.target.query());
            let answer = run.post(BATCH, &json!({ "calls": [call, call] }).to_string())?;
            let id = |body: &Value, slot: usize| body["results"][slot]["id"].as_u64();
            answer
                .status(200)?
                .that("the ids 0 and 1", |body| (id(body, 0), id(body, 1)) == (Some(0), Some(1)))
                .map(drop)
        },
    },
    Case {
        rule: "shows_the_detail_of_an_error_to_operators_only",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut call = run.call(&run.target.query());
            call["functionPath"] = json!("conformance:unknown");
            let batch = json!({ "calls": [call] }).to_string();
            let headers = [("x-lunora-want-error-detail", "1")];
            let answer = run.send("POST", BATCH, As::User, &headers, &batch)?;
            answer
                .status(200)?
                .that("a slot with an error and without `errorDetail`", |body| {
                    let slot = &body["results"][0];
                    slot["body"]["error"].is_object() && slot.get("errorDetail").is_none()
                })
                .map(drop)
        },
    },
];
