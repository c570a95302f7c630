//! Live connections.

use serde_json::{Value, json};

use crate::conformance::{
    case::{
        Case, Checked,
        Need::{Mutation, Query},
    },
    engine::{As, FOREIGN, Run},
    socket::{MALFORMED, Socket, WS, is, of, of_type},
    target::Function,
};

const SECTION: &str = "Live connections";

/// The most subscriptions of a socket.
const MAX_SUBSCRIPTIONS: usize = 32;

/// The headers of an upgrade, for requests that must be refused.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "tells_a_request_without_an_upgrade_to_upgrade",
        section: SECTION,
        needs: &[],
        check: |run| run.send("GET", WS, As::User, &[], "")?.refused_as(&[426]),
    },
    Case {
        rule: "refuses_an_upgrade_with_a_cookie_from_a_foreign_origin",
        section: SECTION,
        needs: &[],
        check: |run| {
            refused_upgrade(run, WS, &[("cookie", "conformance=1"), ("origin", FOREIGN)])?;
            let token = format!("{WS}?token=conformance");
            refused_upgrade(run, &token, &[("cookie", "conformance=1"), ("origin", FOREIGN)])
        },
    },
    Case {
        rule: "refuses_an_upgrade_with_a_cookie_and_without_an_origin",
        section: SECTION,
        needs: &[],
        check: |run| refused_upgrade(run, WS, &[("cookie", "conformance=1")]),
    },
    Case {
        rule: "refuses_an_upgrade_from_a_foreign_origin_without_a_token",
        section: SECTION,
        needs: &[],
        check: |run| refused_upgrade(run, WS, &[("origin", FOREIGN)]),
    },
    Case {
        rule: "refuses_an_upgrade_to_a_reserved_shard",
        section: "Authorization",
        needs: &[],
        check: |run| {
            let path = format!("{WS}?shard=a%3A%3Areplica%3A%3Aweur");
            run.send("GET", &path, As::User, &UPGRADE, "")?.refused(403, "FORBIDDEN_SHARD")
        },
    },
    Case {
        rule: "chooses_the_subprotocol_lunora",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let offers = [("sec-websocket-protocol", "lunora")];
            Socket::open_with(run, &offers).map(drop)
        },
    },
    Case {
        rule: "answers_a_ping",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            socket.say("lunora-ping")?;
            socket.expect("lunora-pong", |frame| frame == &json!("lunora-pong")).map(drop)
        },
    },
    Case {
        rule: "answers_connect_with_the_identity",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            socket.say(json!({ "type": "connect", "id": "connect" }))?;
            let anonymous = run.target.user().is_none();
            let expected = "an `identity` whose `subject` is the user, or null without a token";
            let identity = socket.expect(expected, |frame| {
                let subject = frame.get("subject");
                let fits =
                    |subject: &Value| subject.is_string() || (anonymous && subject.is_null());
                of_type(frame, "identity") && subject.is_some_and(fits)
            });
            identity.map(drop)
        },
    },
    Case {
        rule: "a_malformed_frame_is_answered_and_the_connection_stays_open",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            for frame in ["{", "[]", "7", "{}"] {
                socket.say(frame)?;
                socket.expect("an `error`", |frame| of_type(frame, "error"))?;
            }
            socket.first("sub_1", &run.target.query(), &json!({})).map(drop)
        },
    },
    Case {
        rule: "a_frame_of_an_unknown_type_does_not_end_the_connection",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            socket.say(json!({ "type": "conformance", "id": "x" }))?;
            socket.settle()?;
            socket.first("sub_1", &run.target.query(), &json!({})).map(drop)
        },
    },
    Case {
        rule: "a_subscription_is_acknowledged_before_its_first_value",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let first = socket.first("sub_1", &run.target.query(), &json!({}))?;
            let whole = is(&first, "data", "sub_1")
                && first.get("data").is_some()
                && first["cursor"].is_number()
                && first["epoch"].is_string();
            socket.require(whole, "a `data` with `data`, `cursor` and `epoch`", &first)
        },
    },
    Case {
        rule: "a_subscription_has_the_value_of_a_call",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let first = socket.first("sub_1", &run.target.query(), &json!({}))?;
            let value = run.read()?;
            let holds = first.get("data") == Some(&value);
            socket.require(holds, &format!("the `data` {value}"), &first)
        },
    },
    Case {
        rule: "a_subscription_to_an_unknown_function_gets_an_error_with_its_id",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let unknown = Function { path: "conformance:unknown".to_owned(), ..run.target.query() };
            socket.subscribe("sub_1", &unknown, &json!({}))?;
            let expected = "an `error` with the id sub_1 and a code";
            let frame = socket.find(expected, |frame| !of_type(frame, "ack"))?;
            let holds = is(&frame, "error", "sub_1") && frame["code"].is_string();
            socket.require(holds, expected, &frame)
        },
    },
    Case {
        rule: "a_subscription_to_an_operation_needs_the_socket_of_an_operator",
        section: "Admin gate",
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let path = "__lunora_admin__:listTables".to_owned();
            let operation = Function { path, args: serde_json::Map::new() };
            socket.subscribe("sub_1", &operation, &json!({}))?;
            let expected = "an `error` with the id sub_1";
            socket.expect(expected, |frame| is(frame, "error", "sub_1")).map(drop)
        },
    },
    Case {
        rule: "a_client_that_holds_the_value_resumes",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let held = Socket::open(run)?.first("sub_1", &run.target.query(), &json!({}))?;
            let mut socket = Socket::open(run)?;
            let resume = json!({ "sinceSeq": held["cursor"], "sinceEpoch": held["epoch"] });
            let first = socket.first("sub_1", &run.target.query(), &resume)?;
            let holds = is(&first, "resume", "sub_1");
            socket.require(holds, "a `resume`, since nothing was written", &first)
        },
    },
    Case {
        rule: "a_client_of_another_epoch_gets_the_value",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let held = Socket::open(run)?.first("sub_1", &run.target.query(), &json!({}))?;
            let mut socket = Socket::open(run)?;
            let resume = json!({ "sinceSeq": held["cursor"], "sinceEpoch": "conformance" });
            let first = socket.first("sub_1", &run.target.query(), &resume)?;
            let holds = is(&first, "data", "sub_1");
            socket.require(holds, "a `data`", &first)
        },
    },
    Case {
        rule: "more_than_32_subscriptions_of_a_socket_are_refused",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let query = run.target.query();
            for n in 1..=MAX_SUBSCRIPTIONS {
                socket.subscribe(&format!("sub_{n}"), &query, &json!({}))?;
            }
            socket.subscribe("sub_more", &query, &json!({}))?;
            let expected = "an `error` of sub_more alone, with the code TOO_MANY_SUBSCRIPTIONS";
            let frame = socket
                .find(expected, |frame| of_type(frame, "error") || is(frame, "ack", "sub_more"))?;
            let holds =
                is(&frame, "error", "sub_more") && frame["code"] == json!("TOO_MANY_SUBSCRIPTIONS");
            socket.require(holds, expected, &frame)
        },
    },
    Case {
        rule: "a_whisper_reaches_the_other_sockets_of_its_topic",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let topic = run.fresh();
            let (mut from, mut to) = (Socket::open(run)?, Socket::open(run)?);
            to.say(json!({ "type": "whisper_subscribe", "topic": topic }))?;
            to.settle()?;
            from.say(json!({ "type": "whisper", "topic": topic, "data": { "n": 1 } }))?;
            let expected = "a `whisper` with its topic and its data";
            let heard = to.expect(expected, |frame| {
                of_type(frame, "whisper")
                    && frame["topic"] == json!(topic)
                    && frame["data"] == json!({ "n": 1 })
            });
            heard.map(drop)
        },
    },
    Case {
        rule: "a_write_sends_subscribers_the_new_value",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let first = socket.first("sub_1", &run.target.query(), &json!({}))?;
            run.rpc(&run.target.mutation(), &[])?.status(200)?;
            let frame = socket.next("a `data` with the new value")?;
            let value = run.read()?;
            let newer = frame["cursor"].as_u64() > first["cursor"].as_u64();
            let holds = is(&frame, "data", "sub_1") && frame["data"] == value && newer;
            socket.require(holds, &format!("a `data` with a later `cursor` and {value}"), &frame)
        },
    },
    Case {
        rule: "a_client_that_missed_a_write_gets_the_value",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let held = Socket::open(run)?.first("sub_1", &run.target.query(), &json!({}))?;
            run.rpc(&run.target.mutation(), &[])?.status(200)?;
            let mut socket = Socket::open(run)?;
            let resume = json!({ "sinceSeq": held["cursor"], "sinceEpoch": held["epoch"] });
            let first = socket.first("sub_1", &run.target.query(), &resume)?;
            let holds = is(&first, "data", "sub_1") && first["data"] == run.read()?;
            socket.require(holds, "a `data` with the value after the write", &first)
        },
    },
    Case {
        rule: "a_subscription_that_was_ended_gets_nothing_more",
        section: SECTION,
        needs: &[Mutation],
        check: |run| {
            let mut socket = Socket::open(run)?;
            let query = run.target.query();
            socket.first("sub_ended", &query, &json!({}))?;
            // Another one of the same value shows when the write was sent out.
            socket.first("sub_other", &query, &json!({}))?;
            socket.say(json!({ "type": "unsubscribe", "id": "sub_ended" }))?;
            socket.settle()?;
            run.rpc(&run.target.mutation(), &[])?.status(200)?;
            let expected = "nothing for sub_ended, and a `data` for sub_other";
            let frame = socket.next(expected)?;
            socket.require(is(&frame, "data", "sub_other"), expected, &frame)?;
            socket.say(MALFORMED)?;
            let last = socket.next(expected)?;
            socket.require(!of(&last, "sub_ended"), expected, &last)
        },
    },
];

/// Expects an upgrade with these headers to be refused because of its origin.
fn refused_upgrade(run: &Run<'_>, path: &str, headers: &[(&str, &str)]) -> Checked {
    let headers = [&UPGRADE[..], headers].concat();
    run.send("GET", path, As::Anonymous, &headers, "")?.refused(403, "FORBIDDEN_ORIGIN")
}
