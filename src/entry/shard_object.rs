//! The Durable Object around a shard: what `shard!` expands to calls into this.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::{
    Env, State, WebSocket, WebSocketPair, WebSocketRequestResponsePair, web_sys, worker_sys,
};

use super::to_js_error;
use crate::{
    errors::LunoraError,
    message::{Response, to_error_response},
    platform::{DurableObjectHost, cloudflare, log},
    shard::{Shard, ShardDefinition},
};

/// A shard and the object that it lives in.
#[derive(Debug)]
pub struct ShardObject {
    shard: Shard,
    host: Rc<DurableObjectHost>,
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
        Self { shard: Shard::new(host.clone(), definition), host }
    }

    /// Answers a request; the promise never rejects for the shard's own errors.
    ///
    /// # Errors
    /// When the answer cannot be handed to the platform.
    pub async fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
        let response = match cloudflare::request_from_js(request) {
            Ok(request) if request.is_upgrade() => {
                self.accept_socket().unwrap_or_else(|error| to_error_response(&error))
            }
            Ok(request) => self.shard.fetch(request).await,
            Err(error) => to_error_response(&error),
        };
        cloudflare::response_to_js(response).map(JsValue::from).map_err(|error| to_js_error(&error))
    }

    /// A frame arrived.
    ///
    /// # Errors
    /// Never yet.
    pub async fn websocket_message(
        &self,
        socket: web_sys::WebSocket,
        _message: JsValue,
    ) -> Result<JsValue, JsValue> {
        let refusal = r#"{"type":"error","code":"NOT_IMPLEMENTED","error":{"code":"NOT_IMPLEMENTED","message":"this shard has no live queries"},"message":"this shard has no live queries"}"#;
        // A socket that is gone hears nothing.
        let _ = WebSocket::from(socket).send_with_str(refusal);
        Ok(JsValue::NULL)
    }

    /// A socket is closing, or broke.
    ///
    /// # Errors
    /// Never yet.
    pub async fn websocket_close(&self, socket: web_sys::WebSocket) -> Result<JsValue, JsValue> {
        // The peer may have gone without a word; then there is nobody to say goodbye to.
        let _ = WebSocket::from(socket).close::<&str>(Some(1000), None);
        Ok(JsValue::NULL)
    }

    fn accept_socket(&self) -> Result<Response, LunoraError> {
        let pair = WebSocketPair::new()?;
        self.host.state().accept_web_socket(&pair.server);
        Ok(worker::Response::from_websocket(pair.client)?.into())
    }
}
