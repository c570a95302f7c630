//! The crossings between wasm and JavaScript, and the form in which heads cross.

use http::{HeaderMap, HeaderName, HeaderValue, header::SEC_WEBSOCKET_KEY};
use wasm_bindgen::prelude::*;
use worker::{js_sys::Promise, web_sys};

use crate::wire::headers::{BASE_SEQ, CLIENT_SEQ, MUTATION_ID, TRACE_PARENT, TRACE_STATE};

#[wasm_bindgen(module = "/src/platform/cloudflare/tasks.js")]
extern "C" {
    pub(super) fn bind(
        value: &JsValue,
        bytes: &JsValue,
        head: &JsValue,
        text: &JsValue,
        answers: &JsValue,
        drain: &JsValue,
        lost: &JsValue,
        aborted: &JsValue,
    );

    pub(super) fn watch(promise: &Promise, slot: u32);

    pub(super) fn abandon(slot: u32) -> bool;

    pub(super) fn sleep(milliseconds: i32, slot: u32);

    pub(super) fn promise(task: u32, request: Option<&web_sys::Request>) -> JsValue;

    pub(super) fn forget(task: u32);

    pub(super) fn settle(task: u32, fulfilled: bool, value: &JsValue);

    pub(super) fn schedule();

    #[cfg(target_arch = "wasm32")]
    #[wasm_bindgen(js_name = keepAlive)]
    pub(super) fn keep_alive(task: u32);
}

#[wasm_bindgen(module = "/src/platform/cloudflare/heads.js")]
extern "C" {
    #[wasm_bindgen(js_name = requestHead)]
    pub(super) fn request_head(request: &web_sys::Request) -> String;

    #[wasm_bindgen(js_name = responseHead)]
    pub(super) fn response_head(response: &web_sys::Response) -> String;

    #[wasm_bindgen(js_name = makeResponse, catch)]
    pub(super) fn make_response(
        status: u16,
        headers: &str,
        body: &JsValue,
        encoded: bool,
    ) -> Result<web_sys::Response, JsValue>;

    #[wasm_bindgen(js_name = makeResponse, catch)]
    pub(super) fn make_response_of_bytes(
        status: u16,
        headers: &str,
        body: &[u8],
        encoded: bool,
    ) -> Result<web_sys::Response, JsValue>;

    #[wasm_bindgen(js_name = remakeResponse, catch)]
    pub(super) fn remake_response(
        status: u16,
        headers: &str,
        response: &web_sys::Response,
    ) -> Result<web_sys::Response, JsValue>;
}

#[wasm_bindgen(module = "/src/platform/cloudflare/bodies.js")]
extern "C" {
    #[wasm_bindgen(js_name = readBody)]
    pub(super) fn read_body(source: &JsValue, limit: f64, slot: u32);

    pub(super) fn reader(body: &web_sys::ReadableStream) -> JsValue;

    #[wasm_bindgen(js_name = nextChunk)]
    pub(super) fn next_chunk(reader: &JsValue, slot: u32);

    #[wasm_bindgen(js_name = bulkReader)]
    pub(super) fn bulk_reader(body: &web_sys::ReadableStream) -> JsValue;

    #[wasm_bindgen(js_name = nextBulk)]
    pub(super) fn next_bulk(reader: &JsValue, bytes: u32, slot: u32);

    pub(super) fn cancel(reader: &JsValue);
}

#[wasm_bindgen(module = "/src/platform/cloudflare/objects.js")]
extern "C" {
    #[wasm_bindgen(js_name = speaksRpc)]
    pub(super) fn speaks_rpc(namespace: &JsValue);

    #[wasm_bindgen(js_name = callShard)]
    pub(super) fn call_shard(
        namespace: &JsValue,
        name: &str,
        jurisdiction: Option<&str>,
        hint: Option<&str>,
        method: &str,
        url: &str,
        headers: &str,
        body: &JsValue,
        slot: u32,
    );

    #[wasm_bindgen(js_name = callShard)]
    pub(super) fn call_shard_with_text(
        namespace: &JsValue,
        name: &str,
        jurisdiction: Option<&str>,
        hint: Option<&str>,
        method: &str,
        url: &str,
        headers: &str,
        body: &str,
        slot: u32,
    );
}

#[wasm_bindgen(module = "/src/platform/cloudflare/round.js")]
extern "C" {
    #[wasm_bindgen(js_name = callEach)]
    pub(super) fn call_each(namespace: &JsValue, plan: &str) -> JsValue;

    #[wasm_bindgen(js_name = nextAnswers)]
    pub(super) fn next_answers(calls: &JsValue, slot: u32);

    #[wasm_bindgen(js_name = stopCalls)]
    pub(super) fn stop_calls(calls: &JsValue);
}

#[wasm_bindgen(module = "/src/platform/cloudflare/front.js")]
extern "C" {
    pub(super) fn front() -> JsValue;

    #[wasm_bindgen(js_name = planFor)]
    pub(super) fn plan_for(env: &JsValue, namespace: &JsValue);

    pub(super) fn environment() -> JsValue;

    pub(super) fn answered(answer: &JsValue);
}

#[cfg(feature = "shard")]
#[wasm_bindgen(module = "/src/platform/cloudflare/shard.js")]
extern "C" {
    #[wasm_bindgen(js_name = execSql, catch)]
    pub(super) fn exec_sql(sql: &JsValue, query: &str, params: &str) -> Result<usize, JsValue>;

    #[wasm_bindgen(js_name = takeFound)]
    pub(super) fn take_found(into: &mut [u8]) -> usize;

    /// Not `catch`: a trap of the instance under `work` must pass through, and every other error is
    /// returned as a message.
    #[wasm_bindgen(js_name = transactionSync)]
    pub(super) fn transaction_sync(
        storage: &JsValue,
        work: &mut dyn FnMut() -> bool,
    ) -> Option<String>;

    #[wasm_bindgen(js_name = sendWith, catch)]
    pub(super) fn send_with(
        socket: &web_sys::WebSocket,
        around: &str,
        text: &worker::js_sys::JsString,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = setAlarm)]
    pub(super) fn set_alarm(state: &JsValue, at_ms: f64);

    #[wasm_bindgen(js_name = flushLater)]
    pub(super) fn flush_later(state: &JsValue) -> bool;

    #[wasm_bindgen(js_name = runBeside)]
    pub(super) fn run_beside(state: &JsValue, task: u32);
}

#[cfg(feature = "shard")]
#[wasm_bindgen(module = "/src/platform/cloudflare/crashes.js")]
extern "C" {
    #[wasm_bindgen(js_name = startInstance)]
    pub(super) fn start_instance() -> bool;

    #[wasm_bindgen(js_name = beginCall)]
    pub(super) fn begin_call(state: &JsValue, id: &str) -> u32;

    #[wasm_bindgen(js_name = endCall)]
    pub(super) fn end_call(state: &JsValue);

    #[wasm_bindgen(js_name = noteRunning)]
    pub(super) fn note_running(state: &JsValue, query: Option<&str>);

    pub(super) fn crashes(state: &JsValue) -> String;
}

/// Reads packed header lines. A line that HTTP cannot carry is omitted: it cannot have come by
/// HTTP.
pub(super) fn unpack<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.append(name, value);
        }
    }
    headers
}

/// Writes headers as packed lines. Those whose values differ from call to call come last, after an
/// empty line, so that `heads.js` finds the others again.
///
/// The runtime takes the bytes of a header for UTF-8, and so do these lines. Invalid UTF-8 can only
/// come from Rust code; it is sent as if each byte were a character.
pub(super) fn pack(headers: &HeaderMap) -> String {
    let mut lines = String::with_capacity(512);
    write_lines(&mut lines, headers, |name| !VARYING.contains(name));
    let fixed = lines.len();
    lines.push_str("\n\n");
    write_lines(&mut lines, headers, |name| VARYING.contains(name));
    if lines.len() == fixed + 2 {
        lines.truncate(fixed);
    }
    lines
}

#[cfg(feature = "shard")]
/// Writes the headers of an answer as packed lines.
pub(super) fn pack_answer(headers: &HeaderMap) -> String {
    let mut lines = String::with_capacity(128);
    write_lines(&mut lines, headers, |_| true);
    lines
}

const VARYING: [HeaderName; 6] =
    [TRACE_PARENT, TRACE_STATE, MUTATION_ID, CLIENT_SEQ, BASE_SEQ, SEC_WEBSOCKET_KEY];

fn write_lines(lines: &mut String, headers: &HeaderMap, takes: impl Fn(&HeaderName) -> bool) {
    let begin = lines.len();
    for (name, value) in headers {
        if !takes(name) {
            continue;
        }
        if lines.len() > begin {
            lines.push('\n');
        }
        lines.push_str(name.as_str());
        lines.push(':');
        match str::from_utf8(value.as_bytes()) {
            Ok(text) => lines.push_str(text),
            Err(_) => lines.extend(value.as_bytes().iter().map(|byte| char::from(*byte))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn header_values_of_every_script_survive_the_crossing(value in ".{0,40}") {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                let mut headers = HeaderMap::new();
                headers.append("x-a", value.clone());
                headers.append("x-a", HeaderValue::from_static("a:b"));
                prop_assert_eq!(unpack(pack(&headers).split('\n')), headers);
            }
        }

        #[test]
        fn bytes_of_no_script_break_nothing(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.append("x-a", value);
                prop_assert_eq!(unpack(pack(&headers).split('\n')).len(), 1);
            }
        }

        #[test]
        fn never_panics_on_any_head(text in ".*") {
            let _ = unpack(text.split('\n'));
        }
    }
}
