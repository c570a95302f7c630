//! That each expectation fails when it must, against servers that say what a test wants.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod server;

use std::{collections::BTreeSet, fs, io::Write, path::Path, thread, time::Duration};

use serde_json::{Value, json};
use tungstenite::Message;

use self::server::{SECRET, Server, USER};
use super::{
    case::{Case, Checked, Need},
    cases,
    engine::{self, As, RPC, Run},
    socket::{Socket, of_type},
};

#[test]
fn passes_what_holds() {
    let server = Server::saying(404, "x-a: One\r\n", r#"{"error":{"code":"A","message":"m"}}"#);
    let report = server.check(|run| {
        let answer = run.post(RPC, "{}")?;
        answer.status(404)?.has_header("x-a", "one")?.has_no_header("x-b")?;
        answer.that("an error", |body| body["error"].is_object())?.field("error")?;
        answer.refused(404, "A")
    });
    assert_eq!((report.passed, report.failed), (1, 0), "{report:?}");
}

#[test]
fn reports_a_wrong_status() {
    let (expected, got) = Server::saying(201, "", "{}")
        .mismatch(|run| run.get("/")?.status_of(&[200, 204]).map(drop));
    assert_eq!((&*expected, &*got), ("status 200 or 204", "status 201\n{}"));
}

#[test]
fn reports_a_missing_header_and_one_of_another_value() {
    let check: fn(&mut Run<'_>) -> Checked = |run| run.get("/")?.has_header("x-a", "one").map(drop);
    let (expected, got) = Server::saying(200, "", "").mismatch(check);
    assert_eq!((&*expected, &*got), ("the header x-a with `one`", "x-a: absent\nstatus 200"));
    let (_, got) = Server::saying(200, "x-a: two\r\n", "").mismatch(check);
    assert_eq!(got, "x-a: two\nstatus 200");
}

#[test]
fn reports_a_header_that_must_be_absent() {
    let (expected, got) = Server::saying(200, "x-a: one\r\n", "")
        .mismatch(|run| run.get("/")?.has_no_header("x-a").map(drop));
    assert_eq!((&*expected, &*got), ("no header x-a", "x-a: one\nstatus 200"));
}

#[test]
fn reports_another_code_and_an_error_without_one() {
    for body in [
        r#"{"error":{"code":"OTHER","message":"m"}}"#,
        r#"{"error":{"code":"CODE"}}"#,
        r#"{"error":"CODE"}"#,
        r#"{"code":"CODE","message":"m"}"#,
    ] {
        let server = Server::saying(400, "", body);
        let (expected, _) = server.mismatch(|run| run.post(RPC, "{")?.refused(400, "CODE"));
        assert!(expected.contains("\"code\":\"CODE\""), "{expected}");
    }
    let server = Server::saying(403, "", r#"{"error":{"message":"m"}}"#);
    server.mismatch(|run| run.post(RPC, "{")?.refused_as(&[401, 403]));
}

#[test]
fn reports_a_body_that_is_not_json_or_lacks_a_field() {
    let server = Server::saying(200, "", "<html>");
    let (expected, _) = server.mismatch(|run| run.get("/")?.json().map(drop));
    assert!(expected.starts_with("a body of JSON"), "{expected}");
    let server = Server::saying(200, "", r#"{"b":1}"#);
    let (expected, _) = server.mismatch(|run| run.get("/")?.field("a").map(drop));
    assert_eq!(expected, "a body with `a`");
}

#[test]
fn reports_a_body_that_is_not_the_expected_one() {
    let (expected, _) = Server::saying(200, "", "{}")
        .mismatch(|run| run.get("/")?.that("an `a`", |body| body.get("a").is_some()).map(drop));
    assert_eq!(expected, "an `a`");
}

#[test]
fn reports_an_error_with_the_inside_of_a_server() {
    let body = r#"{"error":{"code":"A","message":"panicked at src/lib.rs:7"}}"#;
    let (expected, _) =
        Server::saying(500, "", body).mismatch(|run| run.get("/")?.status(500).map(drop));
    assert!(expected.contains("panicked at"), "{expected}");
    // The words of an application are its own.
    assert_eq!(Server::saying(200, "", body).check(|run| run.get("/").map(drop)).failed, 0);
}

#[test]
fn reports_a_server_that_gives_no_answer() {
    let closing = Server::answering("");
    let (expected, got) = closing.mismatch(|run| run.get("/").map(drop));
    assert_eq!(expected, "an answer in time");
    assert!(got.starts_with("none: "), "{got}");
    Server::with(|_, _| thread::sleep(Duration::from_secs(60))).late(|run| run.get("/").map(drop));
}

#[test]
fn ends_a_case_at_its_deadline_however_slowly_the_server_sends() {
    let slow = || {
        Server::with(|stream, _| {
            for byte in b"HTTP/1.1 101 X\r\nx-slow: a-very-long-value".iter().cycle() {
                thread::sleep(Duration::from_millis(50));
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        })
    };
    slow().late(|run| run.get("/").map(drop));
    slow().late(|run| Socket::open(run).map(drop));
}

#[test]
fn reports_a_refused_upgrade() {
    let server = Server::saying(403, "", "{}");
    let (expected, got) = server.mismatch(|run| Socket::open(run).map(drop));
    assert_eq!(expected, "an open connection");
    assert!(got.starts_with("status 403"), "{got}");
}

#[test]
fn a_socket_to_an_https_address_speaks_tls() {
    let mut server = Server::saying(200, "", "{}");
    server.url = server.url.replacen("http", "https", 1);
    let (_, got) = server.mismatch(|run| Socket::open(run).map(drop));
    assert!(got.contains("TLS") || got.contains("InvalidContentType"), "{got}");
}

#[test]
fn reports_an_upgrade_that_must_be_refused() {
    let server = Server::live(|_| {});
    server.mismatch(|run| {
        let upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = run.send("GET", "/_lunora/ws", As::Anonymous, &upgrade, "")?;
        answer.status(403).map(drop)
    });
}

#[test]
fn reports_another_frame_a_close_and_silence() {
    let check: fn(&mut Run<'_>) -> Checked = |run| {
        let mut socket = Socket::open(run)?;
        socket.say("hello")?;
        socket.expect("an ack", |frame| of_type(frame, "ack")).map(drop)
    };
    let other = Server::live(|socket| {
        let _ = socket.read();
        let _ = socket.send(Message::text(r#"{"type":"data"}"#));
        let _ = socket.read();
    });
    assert_eq!(other.mismatch(check), ("an ack".to_owned(), r#"{"type":"data"}"#.to_owned()));
    let closing = Server::live(|socket| {
        let _ = socket.read();
        let _ = socket.close(None);
        let _ = socket.read();
    });
    assert_eq!(closing.mismatch(check).1, "a close with code 1005");
    let silent = Server::live(|socket| while socket.read().is_ok() {});
    assert_eq!(silent.late(check).1, "no frame in time");
    let endless = Server::live(|socket| while socket.send(Message::text("{}")).is_ok() {});
    let (_, got) = endless.late(|run| Socket::open(run)?.find("never", |_| false).map(drop));
    assert_eq!(got, "no frame in time");
}

#[test]
fn skips_a_case_whose_need_is_not_met_and_says_why() {
    let server = Server::saying(200, "", "{}");
    let case = Case {
        rule: "the_rule_of_a_test",
        section: "Calls",
        needs: &[Need::Query, Need::Mutation],
        check: |_| Ok(()),
    };
    let mut lines = Vec::new();
    let target = server.target(&[Need::Query]);
    let report = engine::run(&[&case], &target, Duration::from_secs(10), |line| {
        lines.push(line.to_owned());
    });
    assert_eq!((report.passed, report.failed, report.skipped), (0, 0, 1));
    assert!(lines[0].starts_with("skipped the rule of a test: needs a mutation"), "{lines:?}");
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn prints_no_token_and_cuts_what_is_long() {
    // The second is a user's as it stands in a URL.
    let body = format!("{SECRET} {} {USER} {}", USER.replace(':', "%3A"), "ä".repeat(600));
    let server = Server::saying(200, "", &body);
    let case = Case {
        rule: "the_rule_of_a_test",
        section: "Calls",
        needs: &[],
        check: |run| run.post(RPC, "{")?.status(400).map(drop),
    };
    let mut lines = String::new();
    let target = server.target(&[Need::Admin]);
    let report = engine::run(&[&case], &target, Duration::from_secs(10), |line| lines += line);
    let json = serde_json::to_string(&report).unwrap();
    for text in [&lines, &json] {
        assert!(!text.contains("a-secret"), "{text}");
        assert!(text.contains("[token] [token] [token]"), "{text}");
    }
    assert_eq!(report.cases[0].mismatch.as_ref().unwrap().got.chars().count(), 501);
}

#[test]
fn every_case_has_a_rule_of_its_own_and_a_section_of_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire.md");
    let text = fs::read_to_string(path).unwrap();
    let sections: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix('#')?.split_once("# ")).collect();
    let sections: BTreeSet<_> = sections.into_iter().map(|(_, heading)| heading).collect();
    let mut rules = BTreeSet::new();
    for case in cases::all() {
        assert!(rules.insert(case.rule), "twice: {}", case.rule);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(case.rule.bytes().all(plain), "{}", case.rule);
        assert!(sections.contains(case.section), "{}: {}", case.rule, case.section);
    }
}

#[test]
fn a_server_that_answers_everything_alike_fails_every_case_that_can_fail() {
    let server = Server::saying(200, "", r#"{"ok":true}"#);
    let needs = [Need::Admin, Need::Query, Need::Mutation];
    let report = server.run_all(&needs, Duration::from_secs(10));
    let passed = report.cases.iter().filter(|case| case.outcome != "failed");
    let passed: Vec<_> = passed.map(|case| case.rule).collect();
    assert_eq!(
        passed,
        [
            "a_preflight_from_a_foreign_origin_is_allowed_nothing",
            "an_error_shows_nothing_of_the_inside_of_the_server",
            "answers_its_status",
        ]
    );
}

#[test]
fn a_socket_that_answers_everything_alike_fails_every_case_of_sockets() {
    let server = Server::live(|socket| {
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(Message::text(r#"{"type":"ack"}"#)).is_err() {
                return;
            }
        }
    });
    let sections = ["Live connections", "Shapes", "Streams"];
    let cases: Vec<_> = cases::all().filter(|case| sections.contains(&case.section)).collect();
    assert!(cases.len() > 15);
    let target = server.target(&[Need::Query, Need::Mutation]);
    let report = engine::run(&cases, &target, Duration::from_millis(200), |_| {});
    assert_eq!((report.passed, report.skipped), (0, 0), "{report:?}");
}

#[test]
fn writes_nothing_without_a_mutation() {
    let server = Server::saying(200, "", r#"{"ok":true}"#);
    server.run_all(&[Need::Admin, Need::Query], Duration::from_secs(10));
    let asked = server.asked.lock().unwrap();
    assert!(asked.len() > 50);
    for request in asked.iter() {
        assert!(!request.contains("x-lunora-mutation-id") && !request.contains("mutationId"));
        assert!(!request.contains("a:mutation"), "{request}");
        // The operator reads, and makes a token.
        if request.contains(SECRET) {
            let body: Value = request
                .split_once("\r\n\r\n")
                .and_then(|(_, body)| serde_json::from_str(body).ok())
                .unwrap_or_default();
            let harmless = request.starts_with("GET ")
                || request.starts_with("POST /_lunora/admin/ws-token ")
                || body["functionPath"] == json!("__lunora_admin__:conformance");
            assert!(harmless, "{request}");
        }
    }
}
