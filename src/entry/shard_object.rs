//! The Durable Object around a shard: what `shard!` expands to calls into this.

use std::{cell::Cell, rc::Rc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use wasm_bindgen::JsValue;
use worker::{
    Env, State, WebSocket, WebSocketPair, WebSocketRequestResponsePair, web_sys, worker_sys,
};

use super::to_js_error;
use crate::{
    errors::LunoraError,
    message::{Request, Response, to_error_response},
    platform::{DurableObjectHost, ShardHost, cloudflare, log},
    shard::{
        Shard, ShardDefinition,
        live::{Live, LiveSocket, OnShard, admit},
    },
};

/// A shard, the object that it lives in, and its live connections.
pub struct ShardObject {
    shard: Shard,
    sockets: Rc<Sockets>,
}

/// The sockets of the object. They sleep and wake with it.
struct Sockets {
    host: Rc<DurableObjectHost>,
    live: Live<WebSocket>,
    /// Whether those that slept were looked for.
    awake: Cell<bool>,
}

impl ShardObject {
    /// Called when the object wakes.
    #[must_use]
    pub fn new(
        state: worker_sys::DurableObjectState,
        env: Env,
        definition: ShardDefinition,
    ) -> Self {
        let host = Rc::new(DurableObjectHost::new(State::from(state), env));
        // A sleeping object is not woken to say that it is there.
        match WebSocketRequestResponsePair::new("lunora-ping", "lunora-pong") {
            Ok(keepalive) => host.state().set_websocket_auto_response(&keepalive),
            Err(error) => log::error(&format!("no keepalive for sockets: {error:?}")),
        }
        let shard = Shard::new(host.clone(), definition);
        let sockets = Rc::new(Sockets { host, live: Live::new(), awake: Cell::new(false) });
        let listening = Rc::downgrade(&sockets);
        let inner = Rc::downgrade(&shard.inner);
        shard.on_commit(move |commit| {
            if let (Some(sockets), Some(inner)) = (listening.upgrade(), inner.upgrade()) {
                sockets.wake();
                sockets.live.committed(commit, &OnShard::new(&Shard { inner }));
            }
        });
        Self { shard, sockets }
    }

    /// Answers a request; the promise never rejects for the shard's own errors.
    ///
    /// # Errors
    /// When the answer cannot be handed to the platform.
    pub async fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
        let response = match cloudflare::request_from_js(request) {
            Ok(request) if request.is_upgrade() => {
                self.sockets.accept(&request).unwrap_or_else(|error| to_error_response(&error))
            }
            Ok(request) => self.shard.fetch(request).await,
            Err(error) => to_error_response(&error),
        };
        cloudflare::response_to_js(response).map(JsValue::from).map_err(|error| to_js_error(&error))
    }

    /// A frame arrived.
    ///
    /// # Errors
    /// Never: what is wrong with a frame is told by a frame.
    #[allow(clippy::unused_async, reason = "the platform awaits it")]
    pub async fn websocket_message(
        &self,
        socket: web_sys::WebSocket,
        message: JsValue,
    ) -> Result<JsValue, JsValue> {
        self.sockets.wake();
        if let Some(id) = self.sockets.id_of(&WebSocket::from(socket)) {
            // Bytes are no frame, and are answered like any other text that is none.
            let text = message.as_string().unwrap_or_default();
            self.sockets.live.message(&id, &text, &OnShard::new(&self.shard));
        }
        Ok(JsValue::NULL)
    }

    /// A socket is closing, or broke.
    ///
    /// # Errors
    /// Never.
    #[allow(clippy::unused_async, reason = "the platform awaits it")]
    pub async fn websocket_close(&self, socket: web_sys::WebSocket) -> Result<JsValue, JsValue> {
        let socket = WebSocket::from(socket);
        if let Some(id) = self.sockets.id_of(&socket) {
            self.sockets.live.forget(&id);
        }
        // The peer may have gone without a word; then there is nobody to say goodbye to.
        let _ = socket.close::<&str>(Some(1000), None);
        Ok(JsValue::NULL)
    }
}

impl Sockets {
    fn accept(&self, request: &Request) -> Result<Response, LunoraError> {
        let admin = admit(request, &*self.host)?;
        self.wake();
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let id = BASE64_URL_SAFE_NO_PAD.encode(self.host.random_seed());
        self.host.state().accept_websocket_with_tags(&server, &[&id]);
        self.live.open(id, server, request.headers(), admin);
        Ok(worker::Response::from_websocket(client)?.into())
    }

    /// Looks for the sockets that slept, once.
    fn wake(&self) {
        if self.awake.replace(true) {
            return;
        }
        for socket in self.host.state().get_websockets() {
            if let Some(id) = self.id_of(&socket) {
                let kept: Option<String> = socket.deserialize_attachment().unwrap_or_default();
                self.live.wake(id, socket, kept.as_deref());
            }
        }
    }

    fn id_of(&self, socket: &WebSocket) -> Option<String> {
        self.host.state().get_tags(socket).into_iter().next()
    }
}

impl LiveSocket for WebSocket {
    fn send(&self, text: &str) {
        // One that is gone hears nothing.
        let _ = self.send_with_str(text);
    }

    fn close(&self, code: u16, reason: &str) {
        let _ = Self::close(self, Some(code), Some(reason));
    }

    fn keep(&self, attachment: &str) {
        if let Err(error) = self.serialize_attachment(attachment) {
            log::error(&format!("a socket keeps nothing: {error}"));
        }
    }
}

impl std::fmt::Debug for ShardObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardObject").field("shard", &self.shard).finish_non_exhaustive()
    }
}
