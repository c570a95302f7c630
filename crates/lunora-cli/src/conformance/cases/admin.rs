//! The gate of the admin endpoints, and a little of what is behind it.

use serde_json::json;

use crate::conformance::{
    case::{Case, Checked, Need},
    engine::{As, RPC, Run},
};

const GATE: &str = "Admin gate";

/// Endpoints that only an operator may use, with their methods.
const ENDPOINTS: [(&str, &str); 27] = [
    ("GET", "/_lunora/admin/functions"),
    ("GET", "/_lunora/admin/openapi"),
    ("GET", "/_lunora/admin/openrpc"),
    ("GET", "/_lunora/admin/cron-jobs"),
    ("POST", "/_lunora/admin/cron-jobs/run"),
    ("GET", "/_lunora/admin/scheduled"),
    ("GET", "/_lunora/admin/storage"),
    ("GET", "/_lunora/admin/kv"),
    ("GET", "/_lunora/admin/vector"),
    ("GET", "/_lunora/admin/global/tables"),
    ("GET", "/_lunora/admin/workflows"),
    ("GET", "/_lunora/admin/logs"),
    ("GET", "/_lunora/admin/auth"),
    ("GET", "/_lunora/admin/backup"),
    ("POST", "/_lunora/admin/backup/restore"),
    ("POST", "/_lunora/admin/export"),
    ("POST", "/_lunora/admin/import"),
    ("POST", "/_lunora/admin/sync"),
    ("POST", "/_lunora/admin/connector/sync"),
    ("POST", "/_lunora/admin/apply"),
    ("POST", "/_lunora/admin/rank"),
    ("POST", "/_lunora/admin/rankpage"),
    ("POST", "/_lunora/admin/shard-traffic"),
    ("POST", "/_lunora/admin/pitr"),
    ("POST", "/_lunora/admin/ws-token"),
    ("POST", "/_lunora/migrate"),
    ("POST", "/_lunora/scheduled"),
];

/// A token that no deployment has.
const WRONG: &str = "Bearer conformance-a-token-that-no-deployment-has";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "every_admin_endpoint_refuses_a_caller_without_the_token",
        section: GATE,
        needs: &[],
        check: |run| closed(run, &[]),
    },
    Case {
        rule: "every_admin_endpoint_refuses_another_token",
        section: GATE,
        needs: &[],
        check: |run| closed(run, &[("authorization", WRONG)]),
    },
    Case {
        rule: "every_admin_endpoint_refuses_a_bearer_without_a_token",
        section: GATE,
        needs: &[],
        check: |run| closed(run, &[("authorization", "Bearer ")]),
    },
    Case {
        rule: "a_queue_accepts_messages_of_operators_only",
        section: GATE,
        needs: &[],
        check: |run| {
            let body = r#"{"messages":[]}"#;
            run.send("POST", "/_lunora/queue", As::Anonymous, &[], body)?.refused_as(&[401, 403])
        },
    },
    Case {
        rule: "a_caller_without_the_token_cannot_tell_which_admin_endpoints_exist",
        section: GATE,
        needs: &[],
        check: |run| {
            let known = run.get("/_lunora/admin/functions")?;
            let unknown = run.get("/_lunora/admin/conformance")?;
            known.refused_as(&[401, 403])?;
            if known.seen() == unknown.seen() {
                return Ok(());
            }
            let (status, body) = known.seen();
            Err(unknown.mismatch(format!("the answer of an endpoint that exists: {status} {body}")))
        },
    },
    Case {
        rule: "an_operation_of_a_shard_refuses_a_caller_without_the_token",
        section: "Operations of a shard",
        needs: &[],
        check: |run| {
            for operation in ["listTables", "runSql", "exportShard", "conformance"] {
                let path = format!("__lunora_admin__:{operation}");
                let call = json!({ "functionPath": path }).to_string();
                run.post(RPC, &call)?.refused(403, "ADMIN_FORBIDDEN")?;
                let headers = [("authorization", WRONG)];
                let answer = run.send("POST", RPC, As::Anonymous, &headers, &call)?;
                // The token is no user's either, and the hook for identities may refuse it first.
                answer.refused_as(&[401, 403])?;
            }
            Ok(())
        },
    },
    Case {
        rule: "lists_the_functions_to_operators",
        section: "Admin endpoints",
        needs: &[Need::Admin],
        check: |run| {
            let answer = run.send("GET", "/_lunora/admin/functions", As::Operator, &[], "")?;
            answer.status(200)?.that("`functions`, each with `path` and `kind`", |body| {
                let functions = body["functions"].as_array();
                functions.is_some_and(|functions| {
                    let whole = |function: &serde_json::Value| {
                        function["path"].is_string() && function["kind"].is_string()
                    };
                    functions.iter().all(whole)
                })
            })?;
            Ok(())
        },
    },
    Case {
        rule: "an_unknown_admin_endpoint_is_not_found_by_operators",
        section: "Admin endpoints",
        needs: &[Need::Admin],
        check: |run| {
            let path = "/_lunora/admin/conformance";
            run.send("GET", path, As::Operator, &[], "")?.status(404).map(drop)
        },
    },
    Case {
        rule: "an_unknown_operation_of_a_shard_is_not_found_by_operators",
        section: "Operations of a shard",
        needs: &[Need::Admin],
        check: |run| {
            let call = json!({ "functionPath": "__lunora_admin__:conformance" }).to_string();
            run.send("POST", RPC, As::Operator, &[], &call)?.refused(404, "UNKNOWN_ADMIN_OP")
        },
    },
    Case {
        rule: "makes_a_token_for_the_socket_of_an_operator",
        section: GATE,
        needs: &[Need::Admin],
        check: |run| {
            let answer = run.send("POST", "/_lunora/admin/ws-token", As::Operator, &[], "")?;
            let token = answer.status(200)?.field("token")?;
            answer.field("expiresAtMs")?;
            let token = token.as_str().unwrap_or_default().to_owned();
            let parts: Vec<_> = token.split('.').collect();
            if matches!(parts[..], ["v1", expiry, signature]
                if expiry.parse::<u64>().is_ok() && signature.len() == 43)
            {
                return Ok(());
            }
            let mut mismatch = answer.mismatch("v1.<expiry>.<signature>".to_owned());
            // It may be a valid token, and a report may be published.
            "a token of another form".clone_into(&mut mismatch.got);
            Err(mismatch)
        },
    },
];

/// Expects every endpoint to refuse a request with these headers.
fn closed(run: &Run<'_>, headers: &[(&str, &str)]) -> Checked {
    for (method, path) in ENDPOINTS {
        let body = if method == "POST" { "{}" } else { "" };
        run.send(method, path, As::Anonymous, headers, body)?.refused_as(&[401, 403])?;
    }
    Ok(())
}
