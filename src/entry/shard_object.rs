//! The Durable Object around a shard: the expansion of `shard!` calls into this.

use std::rc::Rc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::LocalBoxFuture;
use wasm_bindgen::JsValue;
use worker::{
    Env, State, WebSocket, WebSocketPair, WebSocketRequestResponsePair, js_sys, web_sys, worker_sys,
};

use super::events::to_js_error;
use crate::{
    errors::LunoraError,
    log,
    message::{Request, Response, to_error_response},
    platform::{DurableObjectHost, ShardHost, cloudflare},
    shard::{
        Shard, ShardDefinition,
        live::{Crash, LiveObject, LiveSocket, Running, SocketHost, admit},
    },
};

/// A shard, the object that it lives in, and its sockets. A clone is the same object.
#[derive(Clone)]
pub struct ShardObject {
    host: Rc<DurableObjectHost>,
    object: Rc<LiveObject<DurableObjectHost>>,
}

impl ShardObject {
    /// Returns the object; the runtime calls it when the object wakes.
    #[must_use]
    pub fn new(
        state: worker_sys::DurableObjectState,
        env: Env,
        definition: ShardDefinition,
    ) -> Self {
        let host = Rc::new(DurableObjectHost::new(State::from(state), env));
        // A hibernating object is not woken by a keepalive.
        match WebSocketRequestResponsePair::new("lunora-ping", "lunora-pong") {
            Ok(keepalive) => host.state().set_websocket_auto_response(&keepalive),
            Err(error) => log::error(&format!("no keepalive for sockets: {error:?}")),
        }
        let object = LiveObject::new(Shard::new(host.clone(), definition), host.clone());
        Self { host, object }
    }

    /// Sets the version of the schema that the schema lock has; the runtime calls it after the
    /// constructor.
    pub fn schema_is(&self, version: u32) {
        self.object.shard().set_schema_version(version);
    }

    /// Answers a request; the promise never rejects for the shard's own errors.
    ///
    /// # Errors
    /// If the response cannot be passed to the platform.
    pub async fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
        let response = match cloudflare::request_from_js(request) {
            Ok(request) if request.is_upgrade() => {
                self.accept(&request).await.unwrap_or_else(|error| to_error_response(&error))
            }
            Ok(request) => self.object.shard().fetch(request).await,
            Err(error) => to_error_response(&error),
        };
        cloudflare::response_to_js(response).map(JsValue::from).map_err(|error| to_js_error(&error))
    }

    /// Answers a request whose head and body crossed as texts, which is how a Worker of ours calls it.
    ///
    /// # Errors
    /// If the response cannot be passed to the platform.
    pub async fn call(&self, head: String, body: String) -> Result<JsValue, JsValue> {
        let response = match cloudflare::request_of_text(&head, body) {
            Ok(request) => self.object.shard().fetch(request).await,
            Err(error) => to_error_response(&error),
        };
        cloudflare::response_to_rpc(response).map_err(|error| to_js_error(&error))
    }

    /// Answers a frame.
    ///
    /// # Errors
    /// Never: an invalid frame is answered with a frame.
    pub async fn websocket_message(
        &self,
        socket: web_sys::WebSocket,
        message: JsValue,
    ) -> Result<JsValue, JsValue> {
        if let Some(id) = id_of(&self.host, &WebSocket::from(socket)) {
            // Bytes are answered like any other invalid frame.
            let text = message.as_string().unwrap_or_default();
            if self.object.message(&id, &text) {
                // After the frame, so that frames keep their order during the call to the registry.
                self.object.announce().await;
            }
            self.object.run_hooks().await;
        }
        Ok(JsValue::NULL)
    }

    /// Forgets a socket that closed, or broke.
    ///
    /// # Errors
    /// Never.
    pub async fn websocket_close(
        &self,
        socket: web_sys::WebSocket,
        code: Option<u32>,
    ) -> Result<JsValue, JsValue> {
        let socket = WebSocket::from(socket);
        if let Some(id) = id_of(&self.host, &socket) {
            self.object.closed(&id);
        }
        // A peer that vanished cannot receive a close frame.
        let _ = socket.close::<&str>(Some(echoed(code)), None);
        self.object.run_hooks().await;
        Ok(JsValue::NULL)
    }

    /// Sends the values that commits changed. The shim calls it after the event that committed has
    /// been answered, and after an instance died.
    ///
    /// # Errors
    /// Never: a query that fails is answered with a frame.
    pub async fn flush(&self) -> Result<JsValue, JsValue> {
        self.object.flush();
        self.object.run_hooks().await;
        Ok(JsValue::NULL)
    }

    /// Closes the sockets whose identity expired, and makes the calls that are due.
    ///
    /// # Errors
    /// Never.
    pub async fn alarm(&self) -> Result<JsValue, JsValue> {
        self.object.alarm().await;
        self.object.run_hooks().await;
        Ok(JsValue::NULL)
    }

    async fn accept(&self, request: &Request) -> Result<Response, LunoraError> {
        let admin = admit(request, &*self.host)?;
        self.object.check_room()?;
        self.object.shard().open().await?;
        // Other sockets may have been accepted during the call to the registry.
        self.object.check_room()?;
        let protocol = offers_protocol(request);
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let id = BASE64_URL_SAFE_NO_PAD.encode(self.host.random_seed());
        self.host.state().accept_websocket_with_tags(&server, &[&id]);
        self.object.open(&id, server, request, admin);
        let mut response = worker::Response::from_websocket(client)?;
        if protocol {
            response.headers_mut().set("sec-websocket-protocol", PROTOCOL)?;
        }
        Ok(response.into())
    }
}

/// The subprotocol that is chosen if a client offers it. A token may be offered beside it.
const PROTOCOL: &str = "lunora";

fn offers_protocol(request: &Request) -> bool {
    let offered = request.headers().get_all("sec-websocket-protocol").into_iter();
    let offered = offered.filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|protocol| protocol.trim() == PROTOCOL)
}

impl SocketHost for DurableObjectHost {
    type Socket = WebSocket;

    fn sockets(&self) -> Vec<(String, WebSocket, Option<String>)> {
        let sockets = self.state().get_websockets().into_iter();
        let kept = sockets.filter_map(|socket| {
            let id = id_of(self, &socket)?;
            let kept: Option<String> = socket.deserialize_attachment().unwrap_or_default();
            Some((id, socket, kept))
        });
        kept.collect()
    }

    fn flush_later(&self) -> bool {
        cloudflare::crashes::flush_later(self.state())
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        cloudflare::run_beside(self.state(), task);
    }

    fn wake_at(&self, at_ms: u64) {
        cloudflare::alarm::set(self.state(), at_ms);
    }

    fn running(&self, query: Option<&Running<'_>>) {
        let query = query.and_then(|query| serde_json::to_string(query).ok());
        cloudflare::crashes::note_running(self.state(), query.as_deref());
    }

    fn crashes(&self) -> Vec<Crash> {
        serde_json::from_str(&cloudflare::crashes::crashes(self.state())).unwrap_or_default()
    }

    fn is_replacement(&self) -> bool {
        cloudflare::crashes::is_replacement()
    }
}

fn id_of(host: &DurableObjectHost, socket: &WebSocket) -> Option<String> {
    host.state().get_tags(socket).into_iter().next()
}

/// Returns the code that answers a client's; those that no endpoint may send become 1000 (RFC 6455,
/// section 7.4).
fn echoed(code: Option<u32>) -> u16 {
    let code = code.and_then(|code| u16::try_from(code).ok());
    code.filter(|code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)).unwrap_or(1000)
}

impl LiveSocket for WebSocket {
    type Text = js_sys::JsString;

    fn text(text: &str) -> js_sys::JsString {
        text.into()
    }

    fn send_with(&self, around: &str, text: &js_sys::JsString) {
        cloudflare::send_with(self, around, text);
    }

    fn send(&self, text: &str) {
        let _ = self.send_with_str(text);
    }

    fn close(&self, code: u16, reason: &str) {
        let _ = Self::close(self, Some(code), Some(reason));
    }

    fn keep(&self, attachment: &str) -> bool {
        let kept = self.serialize_attachment(attachment);
        if let Err(error) = &kept {
            log::error(&format!("a socket's attachment was not stored: {error}"));
        }
        kept.is_ok()
    }
}

impl std::fmt::Debug for ShardObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardObject").field("shard", self.object.shard()).finish_non_exhaustive()
    }
}
