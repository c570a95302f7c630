//! Codes: how many, how long, how often.

use futures::future::join;

use super::*;

#[test]
fn signs_in_with_the_code_that_was_sent() {
    let it = deployment();
    let sent = it.send("  Ada@Example.COM ");
    assert_eq!((sent.status, sent.body), (200, json!({ "success": true })));
    assert_eq!(it.mails.borrow()[0].address(), ADA);
    assert_eq!(it.mails.borrow()[0].lifetime(), 10 * MINUTE);
    let answer = it.try_code(" ADA@example.com", &it.code());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["user"]["email"], ADA);
    let again = it.sign_in(ADA);
    assert_eq!(again.body["user"]["id"], answer.body["user"]["id"]);
}

#[test]
fn a_code_is_stored_only_as_a_hash() {
    let it = deployment();
    it.send(ADA);
    let code = it.code();
    let dump = it.store.dump().unwrap();
    assert!(dump.contains("lunora_codes"), "{dump}");
    assert!(!dump.contains(&format!("\"{code}\"")) && !dump.contains(ADA), "{dump}");
}

#[test]
fn a_code_is_valid_for_ten_minutes() {
    let it = deployment();
    it.send(ADA);
    it.clock.advance(10 * MINUTE);
    assert_eq!(it.try_code(ADA, &it.code()).error(), (400, "INVALID_OTP"));
}

#[test]
fn a_code_has_five_attempts() {
    let it = deployment();
    it.send(ADA);
    for _ in 0..5 {
        assert_eq!(it.try_code(ADA, &it.wrong_code()).error(), (400, "INVALID_OTP"));
    }
    assert_eq!(it.try_code(ADA, &it.code()).error(), (400, "INVALID_OTP"));
    let it = deployment();
    it.send(ADA);
    for _ in 0..4 {
        it.try_code(ADA, &it.wrong_code());
    }
    assert_eq!(it.try_code(ADA, &it.code()).status, 200);
}

#[test]
fn two_workers_at_once_have_no_more_attempts_than_one() {
    let it = deployment();
    let other = with(SECRET, &it.store, &it.clock, Builder::build);
    it.send(ADA);
    let wrong = it.wrong_code();
    let tries = |it| {
        let it: &Deployment = it;
        futures::future::join_all((0..10).map(|_| it.fetch(sign_in(ADA, &wrong))))
    };
    block_on(join(tries(&it), tries(&other)));
    assert!(it.store.dump().unwrap().contains(r#""attempts":5"#), "{}", it.store.dump().unwrap());
    assert_eq!(it.try_code(ADA, &it.code()).error(), (400, "INVALID_OTP"));
}

#[test]
fn of_two_sign_ins_with_one_code_at_once_one_wins() {
    let it = deployment();
    let other = with(SECRET, &it.store, &it.clock, Builder::build);
    it.send(ADA);
    let code = it.code();
    let (one, two) =
        block_on(join(it.fetch(sign_in(ADA, &code)), other.fetch(sign_in(ADA, &code))));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[test]
fn a_code_is_used_once() {
    let it = deployment();
    it.sign_in(ADA);
    assert_eq!(it.try_code(ADA, &it.code()).error(), (400, "INVALID_OTP"));
}

#[test]
fn a_newer_code_replaces_the_older_and_has_its_own_attempts() {
    let it = deployment();
    it.send(ADA);
    let older = it.code();
    it.try_code(ADA, &it.wrong_code());
    it.send(ADA);
    if older != it.code() {
        assert_eq!(it.try_code(ADA, &older).error(), (400, "INVALID_OTP"));
    }
    assert_eq!(it.try_code(ADA, &it.code()).status, 200);
}

#[test]
fn a_code_is_for_the_address_it_was_sent_to() {
    let it = deployment();
    it.send("bob@example.com");
    it.send(ADA);
    assert_eq!(it.try_code("bob@example.com", &it.code()).error().0, 400);
}

#[test]
fn three_codes_are_sent_to_an_address_in_fifteen_minutes() {
    let it = deployment();
    for _ in 0..3 {
        assert_eq!(it.send(ADA).status, 200);
    }
    it.clock.advance(MINUTE);
    let refused = it.send(" ADA@example.com");
    assert_eq!(refused.error(), (429, "RATE_LIMITED"));
    assert_eq!(refused.headers["retry-after"], "840");
    assert_eq!(it.mails.borrow().len(), 3);
    assert_eq!(it.send("bob@example.com").status, 200);
    it.clock.advance(14 * MINUTE);
    assert_eq!(it.send(ADA).status, 200);
}

#[test]
fn the_application_sets_the_limits() {
    let (store, clock) = (MemoryDatabase::new().unwrap(), ManualClock::new(0));
    let sessions =
        Sessions::new_for::<MemoryEnvironment>(store, SessionSecret::new(SECRET).unwrap())
            .clock(clock)
            .limit_per_address(1, MINUTE)
            .limit_per_client(2, MINUTE)
            .send_code(async |_mail, _env| Ok(()));
    let shards = MemoryNamespace::new(async |_, _| Response::empty());
    let app = testing::builder().shard_do(shards).sessions(sessions).build();
    let ask = |email: &str| {
        let request = send(email).with_header("cf-connecting-ip", "192.0.2.1");
        block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext)).status()
    };
    assert_eq!([ask(ADA), ask(ADA), ask("bob@example.com")].map(|it| it.as_u16()), [200, 429, 429]);
}

#[test]
fn a_sign_in_gives_back_no_codes() {
    let it = deployment();
    for _ in 0..3 {
        it.sign_in(ADA);
    }
    assert_eq!(it.send(ADA).error().0, 429);
}

#[test]
fn a_client_over_its_limit_uses_up_no_address() {
    let it = deployment();
    let from = |email: &str| send(email).with_header("cf-connecting-ip", "2001:db8::1");
    for number in 0..20 {
        assert_eq!(it.ask(from(&format!("u{number}@example.com"))).status, 200);
    }
    for _ in 0..5 {
        assert_eq!(it.ask(from(ADA)).error(), (429, "RATE_LIMITED"));
    }
    assert_eq!(it.ask(send(ADA).with_header("cf-connecting-ip", "2001:db8:1::1")).status, 200);
    assert!(!it.store.dump().unwrap().contains("2001:db8"));
}

#[test]
fn the_answer_is_the_same_whether_a_user_exists() {
    let it = deployment();
    it.sign_in(ADA);
    let (known, unknown) = (it.send(ADA), it.send("unknown@example.com"));
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let (known, unknown) = (it.try_code(ADA, "12345x"), it.try_code("none@example.com", "12345x"));
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let unknown = it.try_code("none@example.com", "123456");
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
}

#[test]
fn no_address_and_no_code_is_logged() {
    let logs = testing::capture_logs();
    let it = deployment();
    it.send("ada@@example.com");
    it.sign_in(ADA);
    it.try_code(ADA, &it.wrong_code());
    assert!(logs.lines().is_empty(), "{:?}", logs.lines());
}
