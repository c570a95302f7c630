//! Frames to the sockets of an object.

use worker::{WebSocket, js_sys::JsString};

use super::glue;

/// Sends a frame with a text in the place of its line feed. The text crosses once for all frames that have
/// it. A closed socket ignores it.
pub(crate) fn send_with(socket: &WebSocket, around: &str, text: &JsString) {
    let _ = glue::send_with(socket.as_ref(), around, text);
}
