//! Streams and shapes. No deployment needs to have one.

use serde_json::{Value, json};

use crate::conformance::{
    case::{Case, Checked, Need::Query},
    engine::Run,
    socket::{Socket, is, of},
};

const UNKNOWN: &str = "conformance:unknown";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "refuses_a_stream_that_does_not_exist",
        section: "Streams",
        needs: &[Query],
        check: |run| refused_stream(run, UNKNOWN, &json!({})),
    },
    Case {
        rule: "refuses_to_open_a_query_as_a_stream",
        section: "Streams",
        needs: &[Query],
        check: |run| {
            let query = run.target.query();
            refused_stream(run, &query.path, &json!(query.args))
        },
    },
    Case {
        rule: "refuses_a_shape_that_does_not_exist",
        section: "Shapes",
        needs: &[Query],
        check: |run| {
            let shape = json!({ "name": UNKNOWN, "args": {} });
            let frame = json!({ "type": "shape_subscribe", "id": "shape_1", "shape": shape });
            refused(run, &frame, "shape_1", "SHAPE_NOT_FOUND")
        },
    },
];

/// Expects a stream to be refused as one that does not exist.
fn refused_stream(run: &Run<'_>, path: &str, args: &Value) -> Checked {
    let query = json!({ "functionPath": path, "args": args });
    refused(
        run,
        &json!({ "type": "stream", "id": "stream_1", "query": query }),
        "stream_1",
        "NOT_FOUND",
    )
}

/// Expects a frame to be answered by one error of its id and with this code, and the connection to stay open.
fn refused(run: &Run<'_>, frame: &Value, id: &str, code: &str) -> Checked {
    let mut socket = Socket::open(run)?;
    socket.say(frame)?;
    let expected =
        format!("an `error` with the id {id} and the code {code}, and nothing else of it");
    let answer = socket.next(&expected)?;
    let holds = is(&answer, "error", id) && answer["code"] == json!(code);
    socket.require(holds, &expected, &answer)?;
    socket.subscribe("sub_1", &run.target.query(), &json!({}))?;
    let next = socket.next(&expected)?;
    socket.require(!of(&next, id) && is(&next, "ack", "sub_1"), &expected, &next)
}
