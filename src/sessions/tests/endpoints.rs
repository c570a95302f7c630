//! What the endpoints refuse, and what their answers carry.

use super::*;
use crate::security::{Cors, Security};

#[test]
fn rejects_a_cookie_post_from_a_foreign_origin() {
    let it = deployment();
    let pair = it.sign_in(ADA).pair();
    for path in ["sign-out", "revoke-sessions", "sign-in/email-otp"] {
        let foreign = Request::post(format!("{ORIGIN}/api/auth/{path}"), "{}")
            .with_header("content-type", "application/json")
            .with_header("origin", "https://evil.example")
            .with_header("cookie", &pair);
        assert_eq!(it.ask(foreign).error(), (403, "FORBIDDEN_ORIGIN"), "{path}");
    }
    assert_eq!(it.session(&pair).body["user"]["email"], ADA);
}

#[test]
fn rejects_a_sign_in_from_a_foreign_origin_without_a_cookie() {
    let it = deployment();
    it.send(ADA);
    let body = json!({ "email": ADA, "otp": it.code() }).to_string();
    let foreign = Request::post(format!("{ORIGIN}/api/auth/sign-in/email-otp"), body)
        .with_header("content-type", "application/json")
        .with_header("origin", "https://evil.example");
    assert_eq!(it.ask(foreign).error(), (403, "FORBIDDEN_ORIGIN"));
}

#[test]
fn rejects_a_form_as_a_sign_in_even_where_every_origin_may_call() {
    let (store, clock) = (MemoryDatabase::new().unwrap(), ManualClock::new(0));
    let it = with(SECRET, &store, &clock, |it| {
        it.security(Security::default().cors(Cors::any_origin())).build()
    });
    it.send(ADA);
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "text/plain; x=application/json"]
    {
        let form = Request::post(
            format!("{ORIGIN}/api/auth/sign-in/email-otp"),
            json!({ "email": ADA, "otp": it.code(), "x": "=" }).to_string(),
        );
        let foreign = form
            .with_header("content-type", content_type)
            .with_header("origin", "https://evil.example");
        assert_eq!(it.ask(foreign).error(), (400, "BAD_REQUEST"), "{content_type}");
    }
}

#[test]
fn rejects_a_body_that_is_not_json_or_too_large_or_of_another_kind() {
    let it = deployment();
    let path = "/api/auth/email-otp/send-verification-otp";
    let of = |body: &str| {
        let request = Request::post(format!("{ORIGIN}{path}"), body.to_owned());
        it.ask(request.with_header("content-type", "application/json"))
    };
    for body in [
        "",
        "nonsense",
        "[]",
        r#"{"email":7,"type":"sign-in"}"#,
        r#"{"email":"a@b.c"}"#,
        r#"{"email":"a@b.c","type":"forget-password"}"#,
        r#"{"email":"no address","type":"sign-in"}"#,
    ] {
        assert_eq!(of(body).error(), (400, "BAD_REQUEST"), "{body}");
    }
    assert_eq!(of(&" ".repeat(4097)).error(), (413, "PAYLOAD_TOO_LARGE"));
    assert!(it.mails.borrow().is_empty());
}

#[test]
fn no_answer_is_stored_by_a_cache() {
    let it = deployment();
    let signed_in = it.sign_in(ADA);
    let pair = signed_in.pair();
    for answer in [
        signed_in,
        it.send(ADA),
        it.try_code(ADA, "000000"),
        it.session(&pair),
        it.session(""),
        it.ask(get("/api/auth/list-sessions")),
        it.ask(get("/api/auth/list-sessions").with_header("cookie", &pair)),
        it.ask(post("/api/auth/sign-out", &json!({}))),
    ] {
        assert_eq!(answer.headers["cache-control"], "no-store", "{}", answer.body);
    }
}

#[test]
fn other_paths_are_not_found_and_other_methods_not_allowed() {
    let it = deployment();
    for path in ["/api/auth", "/api/auth/", "/api/auth/sign-up/email", "/api/auth/get-session/"] {
        assert_eq!(it.ask(get(path)).status, 404, "{path}");
    }
    assert_eq!(it.ask(get("/api/auth/sign-out")).error(), (405, "METHOD_NOT_ALLOWED"));
}

#[test]
fn a_caller_sees_and_ends_only_the_own_sessions() {
    let it = deployment();
    it.send(ADA);
    let phone = sign_in(ADA, &it.code()).with_header("user-agent", "phone");
    let phone = it.ask(phone).pair();
    let laptop = it.sign_in(ADA).pair();
    let bob = it.sign_in("bob@example.com").pair();
    let list = it.ask(get("/api/auth/list-sessions").with_header("cookie", &laptop)).body;
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(list.to_string().contains("phone") && !list.to_string().contains("hash"), "{list}");
    let ended =
        it.ask(post("/api/auth/revoke-sessions", &json!({})).with_header("cookie", &laptop));
    assert_eq!(ended.body, json!({ "success": true }));
    for pair in [phone, laptop] {
        assert_eq!(it.session(&pair).body, Value::Null);
    }
    assert_eq!(it.session(&bob).body["user"]["email"], "bob@example.com");
    let stranger = it.ask(post("/api/auth/revoke-sessions", &json!({})));
    assert_eq!(stranger.error(), (401, "UNAUTHORIZED"));
}

#[test]
fn a_mail_that_cannot_be_sent_reveals_nothing() {
    let sessions = Sessions::new_for::<MemoryEnvironment>(
        MemoryDatabase::new().unwrap(),
        SessionSecret::new(SECRET).unwrap(),
    )
    .clock(ManualClock::new(0))
    .send_code(async |_mail, _env| Err(LunoraError::internal("the provider is down")));
    let app = testing::builder()
        .shard_do(MemoryNamespace::new(async |_, _| Response::empty()))
        .sessions(sessions)
        .build();
    let logs = testing::capture_logs();
    let answer = block_on(app.fetch(send(ADA), &MemoryEnvironment::new(), &NoopExecutionContext));
    assert_eq!(answer.status(), 500);
    assert_eq!(logs.lines().len(), 1);
    assert!(!format!("{:?}", logs.lines()).contains(ADA));
}
