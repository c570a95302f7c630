//! Sessions: their cookie, their token, their end.

use super::*;

#[test]
fn a_session_is_a_cookie_of_the_host_over_https() {
    let it = deployment();
    let cookie = it.sign_in(ADA).cookie.unwrap();
    let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
    assert!(cookie.starts_with("__Host-lunora.session="), "{cookie}");
    assert_eq!(attributes, ["Path=/", "Max-Age=604800", "HttpOnly", "Secure", "SameSite=Lax"]);
}

#[test]
fn a_session_is_another_cookie_over_plain_http() {
    let it = deployment();
    it.send(ADA);
    let request = Request::post(
        "http://localhost:8787/api/auth/sign-in/email-otp",
        json!({ "email": ADA, "otp": it.code() }).to_string(),
    );
    let answer = it.ask(request.with_header("content-type", "application/json; charset=utf-8"));
    let cookie = answer.cookie.clone().unwrap();
    assert!(cookie.starts_with("lunora.session=") && !cookie.contains("Secure"), "{cookie}");
    let page = Request::get("http://localhost:8787/api/auth/get-session");
    assert_eq!(it.ask(page.with_header("cookie", answer.pair())).body["user"]["email"], ADA);
    assert_eq!(it.session(&answer.pair()).body, Value::Null, "a subdomain could have set it");
}

#[test]
fn the_database_holds_only_the_hash_of_a_token() {
    let it = deployment();
    let token = it.sign_in(ADA).token();
    let dump = it.store.dump().unwrap();
    let (token, signature) = token.split_once('.').unwrap();
    assert_eq!(token.len(), 43, "32 bytes");
    assert!(!dump.contains(token) && !dump.contains(signature), "{dump}");
    assert!(dump.contains(&super::super::address::digest(token)), "{dump}");
}

#[test]
fn a_session_identifies_the_caller_by_cookie_bearer_and_url_of_a_socket() {
    let it = deployment();
    let answer = it.sign_in(ADA);
    let id = &answer.body["user"]["id"];
    assert_eq!(it.caller("cookie", &answer.pair()).body["result"], *id);
    let bearer = format!("Bearer {}", answer.token());
    assert_eq!(it.caller("authorization", &bearer).body["result"], *id);
    let socket =
        get(&format!("/_lunora/ws?token={}", answer.token())).with_header("upgrade", "websocket");
    let secret = SessionSecret::new(SECRET).unwrap();
    assert!(super::super::credential::Credential::of(&socket, &secret).unwrap().is_some());
    assert_eq!(it.ask(call()).body["result"], Value::Null);
}

#[test]
fn a_forged_signature_asks_no_database() {
    let it = deployment();
    let answer = it.sign_in(ADA);
    let (token, signature) =
        answer.token().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let calls = it.store.calls();
    let other = if token.starts_with('A') { "B" } else { "A" };
    for forged in [
        format!("{other}{}.{signature}", &token[1..]),
        format!("{token}.{}", "A".repeat(43)),
        format!("{token}."),
        token.clone(),
        String::new(),
    ] {
        let pair = format!("__Host-lunora.session={forged}");
        assert_eq!(it.session(&pair).body, Value::Null, "{forged}");
        assert_eq!(it.caller("cookie", &pair).body["result"], Value::Null, "{forged}");
    }
    let forged = format!("Bearer {token}.{}", "A".repeat(43));
    assert_eq!(it.caller("authorization", &forged).error(), (401, "UNAUTHORIZED"));
    assert_eq!(it.store.calls(), calls);
}

#[test]
fn a_copied_cookie_is_dead_after_sign_out() {
    let it = deployment();
    let answer = it.sign_in(ADA);
    let out = it.ask(post("/api/auth/sign-out", &json!({})).with_header("cookie", answer.pair()));
    assert_eq!((out.status, &out.body), (200, &json!({ "success": true })));
    assert!(out.cookie.unwrap().starts_with("__Host-lunora.session=; Path=/; Max-Age=0;"));
    assert_eq!(it.session(&answer.pair()).body, Value::Null);
    assert_eq!(it.caller("cookie", &answer.pair()).body["result"], Value::Null);
    let bearer = format!("Bearer {}", answer.token());
    assert_eq!(it.caller("authorization", &bearer).error(), (401, "UNAUTHORIZED"));
}

#[test]
fn a_session_ends_after_seven_days() {
    let it = deployment();
    let answer = it.sign_in(ADA);
    it.clock.advance(7 * DAY);
    assert_eq!(it.session(&answer.pair()).body, Value::Null);
    it.sign_in("bob@example.com");
    assert!(
        !it.store
            .dump()
            .unwrap()
            .contains(answer.body["user"]["id"].as_str().unwrap().repeat(2).as_str())
    );
    assert_eq!(it.store.dump().unwrap().matches("lunora_sessions").count(), 1, "expired rows go");
}

#[test]
fn a_session_older_than_a_day_is_renewed_with_another_token() {
    let it = deployment();
    let first = it.sign_in(ADA).pair();
    it.clock.advance(DAY - Duration::from_millis(1));
    assert_eq!(it.session(&first).cookie, None);
    it.clock.advance(Duration::from_millis(1));
    let renewed = it.session(&first);
    assert_ne!(renewed.pair(), first);
    assert_eq!(renewed.body["session"]["expiresAt"], "2027-01-23T08:00:00.000Z");
    it.clock.advance(6 * DAY + MINUTE);
    assert_eq!(it.session(&renewed.pair()).body["user"]["email"], ADA);
}

#[test]
fn a_short_session_is_renewed_after_half_its_lifetime() {
    let (store, clock) = (MemoryDatabase::new().unwrap(), ManualClock::new(0));
    let mails = Rc::new(RefCell::new(String::new()));
    let sent = mails.clone();
    let sessions =
        Sessions::new_for::<MemoryEnvironment>(store.clone(), SessionSecret::new(SECRET).unwrap())
            .clock(clock.clone())
            .lifetime(10 * MINUTE)
            .send_code(async move |mail, _env| {
                *sent.borrow_mut() = mail.code().to_owned();
                Ok(())
            });
    let shards = MemoryNamespace::new(async |_, _| Response::empty());
    let app = testing::builder().clock(clock.clone()).shard_do(shards).sessions(sessions).build();
    let it = Deployment { app, store, clock, mails: Rc::default() };
    it.send(ADA);
    let code = mails.borrow().clone();
    let first = it.try_code(ADA, &code);
    assert!(first.cookie.as_ref().unwrap().contains("Max-Age=600;"));
    it.clock.advance(5 * MINUTE);
    let renewed = it.session(&first.pair()).pair();
    it.clock.advance(9 * MINUTE);
    assert_eq!(it.session(&renewed).body["user"]["email"], ADA);
}

#[test]
fn the_token_before_is_valid_for_sixty_seconds_and_renews_nothing() {
    let it = deployment();
    let first = it.sign_in(ADA).pair();
    it.clock.advance(DAY);
    let renewed = it.session(&first).pair();
    it.clock.advance(Duration::from_millis(59_999));
    let late = it.session(&first);
    assert_eq!((late.cookie, &late.body["user"]["email"]), (None, &json!(ADA)));
    it.clock.advance(Duration::from_millis(1));
    assert_eq!(it.session(&first).body, Value::Null);
    assert_eq!(it.session(&renewed).body["user"]["email"], ADA);
}

#[test]
fn two_tabs_that_renew_at_once_do_not_sign_each_other_out() {
    let it = deployment();
    let first = it.sign_in(ADA).pair();
    it.clock.advance(DAY);
    let tab = || it.fetch(get("/api/auth/get-session").with_header("cookie", &first));
    let (one, two) = block_on(futures::future::join(tab(), tab()));
    assert_eq!(one.body["user"], two.body["user"]);
    let renewed: Vec<_> = [&one, &two].into_iter().filter(|it| it.cookie.is_some()).collect();
    assert_eq!(renewed.len(), 1);
    it.clock.advance(MINUTE);
    assert_eq!(it.session(&renewed[0].pair()).body["user"]["email"], ADA);
}

#[test]
fn a_bearer_is_renewed_and_keeps_its_token() {
    let it = deployment();
    let bearer = format!("Bearer {}", it.sign_in(ADA).token());
    let ask = || it.ask(get("/api/auth/get-session").with_header("authorization", &bearer));
    it.clock.advance(6 * DAY);
    assert_eq!(ask().cookie, None);
    it.clock.advance(6 * DAY);
    assert_eq!(ask().body["user"]["email"], ADA);
}

#[test]
fn the_identity_expires_with_the_session() {
    use crate::access::IdentityResolver;

    let it = deployment();
    let pair = it.sign_in(ADA).pair();
    let sessions = Sessions::new_for::<MemoryEnvironment>(
        it.store.clone(),
        SessionSecret::new(SECRET).unwrap(),
    )
    .clock(it.clock.clone());
    let request = get("/").with_header("cookie", &pair);
    let resolver = sessions.identity();
    let identity =
        block_on(resolver.resolve(&request, &MemoryEnvironment::new())).unwrap().unwrap();
    assert_eq!(identity.expiry_ms(), Some(1_800_000_000_000 + 7 * 86_400_000));
    assert_eq!(identity.claim("email"), Some(&json!(ADA)));
}

#[test]
fn an_old_secret_verifies_and_the_first_signs() {
    let it = deployment();
    let old = it.sign_in(ADA).pair();
    let rotated = "another secret of these tests that is long enough";
    let both = with(&format!("{rotated}, {SECRET}"), &it.store, &it.clock, Builder::build);
    assert_eq!(both.session(&old).body["user"]["email"], ADA);
    let new = both.sign_in(ADA).pair();
    let only_new = with(rotated, &it.store, &it.clock, Builder::build);
    assert_eq!(only_new.session(&new).body["user"]["email"], ADA);
    assert_eq!(only_new.session(&old).body, Value::Null);
}

#[test]
fn rejects_a_secret_that_is_short_or_absent() {
    let of = |text: &str| {
        SessionSecret::from_env(&MemoryEnvironment::new().with_var(SessionSecret::VARIABLE, text))
    };
    assert_eq!(of("short").unwrap_err().code(), "MISCONFIGURED");
    assert_eq!(of(&format!("{SECRET},short")).unwrap_err().code(), "MISCONFIGURED");
    assert_eq!(of("").unwrap_err().code(), "MISCONFIGURED");
    assert!(of(SECRET).is_ok());
}

#[test]
fn a_caller_without_a_session_is_asked_of_the_other_resolver() {
    let (store, clock) = (MemoryDatabase::new().unwrap(), ManualClock::new(0));
    let it = with(SECRET, &store, &clock, |builder| {
        builder
            .resolve_identity(async |request, _env| request.bearer().map(crate::Identity::user))
            .build()
    });
    assert_eq!(it.caller("authorization", "Bearer robot").body["result"], "robot");
    let answer = it.sign_in(ADA);
    assert_eq!(it.caller("cookie", &answer.pair()).body["result"], answer.body["user"]["id"]);
}
