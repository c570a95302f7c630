//! Origins, headers of every answer, and reserved paths.

use serde_json::json;

use crate::conformance::{
    case::{Case, Need::Query},
    engine::{As, BATCH, FOREIGN, RPC},
};

const ORIGINS: &str = "Origins and headers";
const PATHS: &str = "Reserved paths";

const CALL: &str = r#"{"functionPath":"conformance:unknown"}"#;

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "refuses_a_post_with_a_cookie_from_a_foreign_origin",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            for path in [RPC, BATCH, "/_lunora/admin/export"] {
                let headers = [("cookie", "conformance=1"), ("origin", FOREIGN)];
                let answer = run.send("POST", path, As::Anonymous, &headers, CALL)?;
                answer.has_no_header("access-control-allow-origin")?;
                answer.refused(403, "FORBIDDEN_ORIGIN")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "refuses_a_plain_form_with_a_cookie_from_another_site",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            let headers = [
                ("cookie", "conformance=1"),
                ("sec-fetch-site", "cross-site"),
                ("origin", FOREIGN),
            ];
            run.send("POST", RPC, As::Anonymous, &headers, CALL)?.refused(403, "FORBIDDEN_ORIGIN")
        },
    },
    Case {
        rule: "refuses_a_post_with_a_cookie_and_without_an_origin",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            let headers = [("cookie", "conformance=1")];
            run.send("POST", RPC, As::Anonymous, &headers, CALL)?.refused(403, "FORBIDDEN_ORIGIN")
        },
    },
    Case {
        rule: "a_preflight_from_a_foreign_origin_is_allowed_nothing",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            let headers = [
                ("origin", FOREIGN),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization,content-type"),
            ];
            let answer = run.send("OPTIONS", RPC, As::Anonymous, &headers, "")?;
            // Any origin may be allowed, but none may be allowed to send cookies.
            match answer.header("access-control-allow-origin").as_deref() {
                None => answer.has_no_header("access-control-allow-credentials").map(drop),
                Some("*") => answer.has_no_header("access-control-allow-credentials").map(drop),
                Some(_) => answer.has_no_header("access-control-allow-origin").map(drop),
            }
        },
    },
    Case {
        rule: "every_answer_forbids_to_guess_its_type",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            for path in ["/_lunora/status", RPC, "/_lunora/admin/functions", "/_lunora/none"] {
                run.get(path)?.has_header("x-content-type-options", "nosniff")?;
            }
            Ok(())
        },
    },
    Case {
        rule: "an_answer_of_the_api_is_not_stored_by_caches",
        section: ORIGINS,
        needs: &[],
        check: |run| {
            run.post(RPC, "{")?.has_header("cache-control", "no-store")?;
            run.get("/_lunora/admin/functions")?.has_header("cache-control", "no-store")?;
            run.get("/_lunora/status")?.has_header("cache-control", "no-store")?;
            Ok(())
        },
    },
    Case {
        rule: "a_result_is_not_stored_by_caches",
        section: ORIGINS,
        needs: &[Query],
        check: |run| {
            let answer = run.rpc(&run.target.query(), &[])?;
            answer.status(200)?.has_header("cache-control", "no-store").map(drop)
        },
    },
    Case {
        rule: "an_error_shows_nothing_of_the_inside_of_the_server",
        section: "Errors",
        needs: &[],
        // The engine reads every error for such words; these are requests that provoke some.
        check: |run| {
            let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
            run.post(RPC, &format!(r#"{{"functionPath":"a:b","args":{{"a":{deep}}}}}"#))?;
            run.post(RPC, "{\"functionPath\":\"\\ud800\"}")?;
            run.post(RPC, &json!({ "functionPath": "a".repeat(100_000) }).to_string())?;
            run.get("/_lunora/ws?shard=%zz%00%ff")?;
            run.get("/_lunora/admin/%00")?;
            Ok(())
        },
    },
    Case {
        rule: "answers_its_status",
        section: PATHS,
        needs: &[],
        check: |run| {
            let answer = run.get("/_lunora/status")?;
            answer.status(200)?.that("{\"ok\":true}", |body| body["ok"] == json!(true)).map(drop)
        },
    },
    Case {
        rule: "answers_its_health",
        section: PATHS,
        needs: &[],
        check: |run| {
            for path in ["/_lunora/health", "/_lunora/health/ready"] {
                let answer = run.get(path)?;
                // A deployment may keep its health to operators.
                if answer.seen().0 == 403 {
                    continue;
                }
                answer.status_of(&[200, 503])?.that("`status` and `checks`", |body| {
                    body["status"].is_string() && body["checks"].is_array()
                })?;
            }
            Ok(())
        },
    },
    Case {
        rule: "another_case_of_a_reserved_path_is_not_found",
        section: PATHS,
        needs: &[],
        check: |run| {
            run.post("/_lunora/RPC", CALL)?.status(404)?;
            run.post("/_LUNORA/rpc", CALL)?.status(404).map(drop)
        },
    },
    Case {
        rule: "a_doubled_slash_in_a_reserved_path_is_not_found",
        section: PATHS,
        needs: &[],
        check: |run| {
            run.post("/_lunora//rpc", CALL)?.status(404)?;
            run.post("//_lunora/rpc", CALL)?.status(404).map(drop)
        },
    },
    Case {
        rule: "an_encoded_letter_of_a_reserved_path_is_not_found",
        section: PATHS,
        needs: &[],
        check: |run| {
            run.post("/_lunora/%72pc", CALL)?.status(404)?;
            run.post("/%5flunora/rpc", CALL)?.status(404)?;
            run.post("/_lunora%2Frpc", CALL)?.status(404).map(drop)
        },
    },
    Case {
        rule: "a_trailing_slash_of_a_reserved_path_is_not_found",
        section: PATHS,
        needs: &[],
        check: |run| run.post("/_lunora/rpc/", CALL)?.status(404).map(drop),
    },
    Case {
        rule: "an_unknown_reserved_path_is_not_found",
        section: PATHS,
        needs: &[],
        check: |run| run.get("/_lunora/conformance")?.status(404).map(drop),
    },
    Case {
        rule: "refuses_a_dispatch_of_the_scheduler_without_a_signature",
        section: PATHS,
        needs: &[],
        check: |run| {
            let headers = [("x-lunora-scheduler-signature", "AAAA")];
            let path = "/_lunora/scheduler/dispatch";
            let answer = run.send("POST", path, As::Anonymous, &headers, CALL)?;
            answer.refused_as(&[401, 403])
        },
    },
];
