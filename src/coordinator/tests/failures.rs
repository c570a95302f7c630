//! Failures of shards: what a client receives, and what is logged.

use super::*;

#[test]
fn a_body_that_stalls_or_breaks_off_is_a_failure() {
    let _logs = capture_logs();
    let world = World::new(2);
    let stalled = Body::from_stream(futures::stream::pending());
    world.shards.shard("0").answers_once(Response::body(stalled));
    let broken = futures::stream::iter([Err(BodyError::Broken("10.0.0.1 reset".into()))]);
    world.shards.shard("1").answers_once(Response::body(Body::from_stream(broken)));
    assert_eq!(
        world.failures(),
        [
            "0 SHARD_TIMEOUT shard \"0\" gave no answer within 5000 ms",
            "1 SHARD_UNAVAILABLE the answer of shard \"1\" broke off",
        ]
    );
}

#[test]
fn a_shards_own_public_error_passes_and_everything_else_does_not() {
    let logs = capture_logs();
    let world = World::new(7);
    let answers = |shard: &str, status: u16, body: &'static str| {
        let answer = Response::raw_json(body).with_status(status);
        world.shards.shard(shard).answers_once(answer);
    };
    answers("0", 403, r#"{"error":{"code":"RLS_REQUIRED","message":"no policy"}}"#);
    answers("1", 500, r#"{"error":{"code":"RPC_FAILED","message":"secret"}}"#);
    answers("2", 409, r#"{"error":{"code":"SEAT_TAKEN","message":"taken"}}"#);
    answers("3", 500, "<html>secret</html>");
    answers("4", 302, r#"{"error":["SEAT_TAKEN","secret"]}"#);
    answers("5", 404, r#"{"error":{"code":"","message":"secret"}}"#);
    world.shards.shard("6").fails_once(|key| ShardCallError::unavailable(key, "secret"));
    assert_eq!(
        world.failures(),
        [
            "0 RLS_REQUIRED no policy",
            "1 RPC_FAILED Internal error",
            "2 SEAT_TAKEN taken",
            "3 SHARD_HTTP_ERROR shard \"3\" returned 500",
            "4 SHARD_HTTP_ERROR shard \"4\" returned 302",
            "5 SHARD_HTTP_ERROR shard \"5\" returned 404",
            "6 SHARD_UNAVAILABLE the shard gave no answer",
        ]
    );
    let mut lines = logs.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "error: shard \"1\": 500 RPC_FAILED: secret",
            "error: shard \"3\": 502 SHARD_HTTP_ERROR: shard \"3\" returned 500",
            "error: shard \"4\": 502 SHARD_HTTP_ERROR: shard \"4\" returned 302",
            "error: shard \"5\": 502 SHARD_HTTP_ERROR: shard \"5\" returned 404",
            "error: shard \"6\": 503 SHARD_UNAVAILABLE: the shard gave no answer: shard `6` gave no answer: secret",
        ]
    );
}

#[test]
fn an_answer_that_the_merge_cannot_take_is_a_failure() {
    let logs = capture_logs();
    let world = World::new(3);
    world.shards.shard("1").answers_once(Response::raw_json(r#"{"result":1}"#));
    let answer = world.ask(Merge::Sum);
    assert_eq!((answer.data(), answer.ok()), ("2", 2));
    assert_eq!(answer.errors()[0].code, "SHARD_ERROR");
    assert_eq!(
        answer.errors()[0].message,
        "shard \"1\" answered with something other than a number"
    );
    assert_eq!(logs.lines().len(), 1);
}

fn unwrapped(call: ShardCall<'_>) -> ShardCall<'_> {
    call.unwrap_result()
}

#[test]
fn unwraps_results_only_on_demand_and_where_there_are_any() {
    let world = World::new(1);
    let envelope = r#"{"result":5,"commitCursor":7}"#;
    world.shards.shard("0").answers_once(Response::raw_json(envelope));
    assert_eq!(world.ask(Merge::First).data(), envelope);
    world.shards.shard("0").answers_once(Response::raw_json(envelope));
    assert_eq!(world.call(Merge::Sum, unwrapped).data(), "5");
    for (answer, merged) in
        [("7", "7"), (r#"{"rows":[1]}"#, r#"{"rows":[1]}"#), (r#"{"result":null}"#, "null")]
    {
        world.shards.shard("0").answers_once(Response::raw_json(answer));
        assert_eq!(world.call(Merge::First, unwrapped).data(), merged);
    }
}

#[test]
fn one_shard_cannot_fill_the_memory() {
    let _logs = capture_logs();
    let world = World::new(3).set(|coordinator| coordinator.max_shard_bytes(100));
    let endless = futures::stream::repeat_with(|| Ok("[1,".into()));
    world.shards.shard("0").answers_once(Response::body(Body::from_stream(endless)));
    world.shards.shard("1").answers_once(Response::raw_json("9".repeat(101)));
    assert_eq!(
        world.failures(),
        [
            "0 PAYLOAD_TOO_LARGE the answer of shard \"0\" is larger than 100 bytes",
            "1 PAYLOAD_TOO_LARGE the answer of shard \"1\" is larger than 100 bytes",
        ]
    );
}

#[test]
fn nor_can_all_of_them() {
    let _logs = capture_logs();
    let world = World::new(5).set(|coordinator| coordinator.max_total_bytes(25));
    for shard in ["0", "1", "2", "3"] {
        world.shards.shard(shard).answers_once(Response::raw_json(r#""12345678""#));
    }
    let answer = world.ask(Merge::Concat);
    assert_eq!(answer.data(), r#"["12345678","12345678",4]"#);
    assert!(answer.errors().iter().all(|failure| failure.code == "PAYLOAD_TOO_LARGE"));
    assert_eq!((answer.ok(), answer.failed()), (3, 2));
}

#[test]
fn timed_out_is_set_only_for_a_shard_that_timed_out() {
    let _logs = capture_logs();
    let world = World::new(1);
    let report = r#"{"error":{"code":"SHARD_TIMEOUT","message":"one of mine"}}"#;
    world.shards.shard("0").answers_once(Response::raw_json(report).with_status(504));
    let answer = world.ask(Merge::Concat);
    assert_eq!(answer.errors()[0].code, "SHARD_TIMEOUT");
    assert!(!answer.errors()[0].timed_out);
}

#[test]
fn a_shards_name_cannot_forge_a_line_of_the_log() {
    let logs = capture_logs();
    let world = World::with(["a\nerror: forged \"".to_owned()]);
    world.shards.shard("a\nerror: forged \"").hangs();
    world.ask(Merge::Concat);
    assert!(logs.lines().iter().all(|line| !line.contains('\n')));
}
