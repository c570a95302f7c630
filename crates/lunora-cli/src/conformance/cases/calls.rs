//! The envelope of a call.

use serde_json::json;

use crate::conformance::{
    case::{Case, Need::Query},
    engine::{As, RPC},
    target::Function,
};

const SECTION: &str = "Calls";

/// The longest body of a call, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// `{"subject":"conformance:stranger"}` in base64url.
const STRANGER: &str = "eyJzdWJqZWN0IjoiY29uZm9ybWFuY2U6c3RyYW5nZXIifQ";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "answers_a_call_with_its_result",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let answer = run.rpc(&run.target.query(), &[])?;
            answer.status(200)?.has_header("content-type", "application/json")?;
            answer.field("result").map(drop)
        },
    },
    Case {
        rule: "names_the_shard_that_answered",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let answer = run.rpc(&run.target.query(), &[])?;
            let named = answer.status(200)?.header("x-lunora-shard-key");
            let holds = match (&run.target.shard, &named) {
                // A header cannot hold a key of another script.
                (Some(key), _) if !key.is_ascii() => true,
                (Some(key), Some(named)) => named == key,
                (None, Some(named)) => !named.is_empty(),
                (_, None) => false,
            };
            if holds {
                return Ok(());
            }
            let named = named.as_deref().unwrap_or("absent");
            Err(answer.mismatch(format!("the key in x-lunora-shard-key, which is {named}")))
        },
    },
    Case {
        rule: "refuses_an_empty_body",
        section: SECTION,
        needs: &[],
        check: |run| run.post(RPC, "")?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_a_body_that_is_not_json",
        section: SECTION,
        needs: &[],
        check: |run| run.post(RPC, r#"{"functionPath":"#)?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_a_body_that_is_not_an_object",
        section: SECTION,
        needs: &[],
        check: |run| run.post(RPC, "[1]")?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_a_call_without_a_function",
        section: SECTION,
        needs: &[],
        check: |run| run.post(RPC, r#"{"args":{}}"#)?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_a_function_path_that_is_not_a_string",
        section: SECTION,
        needs: &[],
        check: |run| run.post(RPC, r#"{"functionPath":7}"#)?.refused(400, "BAD_REQUEST"),
    },
    Case {
        rule: "refuses_arguments_that_are_not_an_object",
        section: SECTION,
        needs: &[],
        check: |run| {
            run.post(RPC, r#"{"functionPath":"a:b","args":[]}"#)?.refused(400, "BAD_REQUEST")
        },
    },
    Case {
        rule: "refuses_a_shard_key_that_is_not_a_string",
        section: SECTION,
        needs: &[],
        check: |run| {
            run.post(RPC, r#"{"functionPath":"a:b","shardKey":7}"#)?.refused(400, "BAD_REQUEST")
        },
    },
    Case {
        rule: "refuses_an_empty_shard_key",
        section: SECTION,
        needs: &[],
        check: |run| {
            run.post(RPC, r#"{"functionPath":"a:b","shardKey":""}"#)?.refused(400, "BAD_REQUEST")
        },
    },
    Case {
        rule: "refuses_a_shard_key_beside_a_fan_out",
        section: SECTION,
        needs: &[],
        check: |run| {
            let merge = json!({ "table": "t", "merge": { "kind": "sum" } });
            let call = json!({ "functionPath": "a:b", "shardKey": "a", "fanOut": merge });
            run.post(RPC, &call.to_string())?.refused(400, "BAD_REQUEST")
        },
    },
    Case {
        rule: "refuses_the_reserved_shard_keys",
        section: "Authorization",
        needs: &[],
        check: |run| {
            for key in ["a::relay::0", "a::replica::weur"] {
                let call = json!({ "functionPath": "a:b", "shardKey": key });
                run.post(RPC, &call.to_string())?.refused(403, "FORBIDDEN_SHARD")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "refuses_an_unknown_function",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let unknown = Function { path: "conformance:unknown".to_owned(), ..run.target.query() };
            run.rpc(&unknown, &[])?.refused(404, "FUNCTION_NOT_FOUND")
        },
    },
    Case {
        rule: "refuses_another_method_than_post",
        section: SECTION,
        needs: &[],
        check: |run| {
            for method in ["GET", "PUT", "DELETE"] {
                let answer = run.send(method, RPC, As::User, &[], "")?;
                answer.status(405)?.has_header("allow", "POST")?;
                answer.refused(405, "METHOD_NOT_ALLOWED")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "refuses_a_body_over_one_mebibyte",
        section: SECTION,
        needs: &[],
        check: |run| {
            let call = |fill: &str| json!({ "functionPath": "a:b", "args": { "a": fill } });
            let fill = MAX_BODY + 1 - call("").to_string().len();
            let body = call(&"a".repeat(fill)).to_string();
            // A server that refuses the declared length may close before it has read the body.
            let waits = [("expect", "100-continue")];
            run.send("POST", RPC, As::User, &waits, &body)?.refused(413, "PAYLOAD_TOO_LARGE")
        },
    },
    Case {
        rule: "refuses_a_call_for_another_user_than_the_one_who_is_signed_in",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let headers = [("x-lunora-expect-subject", STRANGER)];
            run.rpc(&run.target.query(), &headers)?.refused(409, "IDENTITY_MISMATCH")
        },
    },
    Case {
        rule: "ignores_an_identity_that_the_client_claims",
        section: "Headers to a shard",
        needs: &[Query],
        check: |run| {
            // Whether the claimed user is the caller shows in the subject of the next check.
            let headers = [
                ("x-lunora-userid", "conformance:stranger"),
                ("x-lunora-system", "1"),
                ("x-lunora-expect-subject", STRANGER),
            ];
            run.rpc(&run.target.query(), &headers)?.refused(409, "IDENTITY_MISMATCH")
        },
    },
    Case {
        rule: "refuses_a_malformed_merge_before_a_shard_is_asked",
        section: "Queries across shards",
        needs: &[],
        check: |run| {
            for merge in [json!("sum"), json!({ "kind": "average" }), json!({ "kind": "topK" })] {
                let fan_out = json!({ "table": "t", "merge": merge });
                let call = json!({ "functionPath": "a:b", "fanOut": fan_out });
                run.post(RPC, &call.to_string())?.refused(400, "BAD_REQUEST")?;
            }
            Ok(())
        },
    },
];
