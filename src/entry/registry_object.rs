//! The Durable Object around a shard registry: `shard_registry!` expands to calls into this.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::{State, web_sys, worker_sys};

use super::events::to_js_error;
use crate::{
    coordinator::ShardRegistryObject,
    message::to_error_response,
    platform::{SqlRegistryStorage, cloudflare},
};

/// A shard registry over the SQLite of its object. A clone is the same registry.
#[derive(Clone, Debug)]
pub struct RegistryObject {
    registry: Rc<ShardRegistryObject<SqlRegistryStorage>>,
}

impl RegistryObject {
    /// Returns the object; the runtime calls it when the object wakes.
    #[must_use]
    pub fn new(state: worker_sys::DurableObjectState) -> Self {
        let storage = SqlRegistryStorage::new(State::from(state).storage().sql());
        Self { registry: Rc::new(ShardRegistryObject::new(storage)) }
    }

    /// Answers a request; the promise never rejects for the registry's own errors.
    ///
    /// # Errors
    /// If the response cannot be passed to the platform.
    pub async fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
        let response = match cloudflare::request_from_js(request) {
            Ok(request) => self.registry.fetch(request).await,
            Err(error) => to_error_response(&error),
        };
        cloudflare::response_to_js(response).map(JsValue::from).map_err(|error| to_js_error(&error))
    }
}
