//! Durable Objects as shards.

use std::any::Any;

use futures::future::LocalBoxFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::ObjectNamespace;

use super::{
    each, glue, message,
    plan::unavailable,
    promise::{Awaited, Value},
};
use crate::{
    message::{Request, Response},
    platform::{AskEach, Jurisdiction, LocationHint, ShardAddress, ShardCallError, ShardNamespace},
};

impl ShardNamespace for ObjectNamespace {
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        let address = address.clone();
        let namespace: &JsValue = self.as_ref();
        let call = match start(namespace, &address, request) {
            Ok(call) => call,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        Box::pin(async move {
            let answer = call.await.map_err(|thrown| unavailable(address.key.clone(), thrown))?;
            match (answer, address.jurisdiction) {
                (Value::Head(head, response), _) => {
                    Ok(message::response_from_js(&head, response.unchecked_into()))
                }
                (Value::Text(text), _) => Ok(message::response_of_text(&text)),
                (_, Some(jurisdiction)) => {
                    Err(ShardCallError::JurisdictionUnsupported(jurisdiction))
                }
                (_, None) => {
                    Err(ShardCallError::unavailable(address.key, "the object returned no response"))
                }
            }
        })
    }

    /// Returns an id that the platform derives from the namespace. Nothing is created or called.
    fn namespace_id(&self) -> Option<String> {
        self.id_from_name("__lunora_deployment__").ok().map(|id| id.to_string())
    }

    fn has_our_class(&self) {
        glue::speaks_rpc(self.as_ref());
    }

    fn ask_each(&self) -> AskEach {
        AskEach(each::call_each)
    }

    fn as_host(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// Starts the call. It is aborted if it is dropped before the response arrives.
fn start(
    namespace: &JsValue,
    address: &ShardAddress,
    request: Request,
) -> Result<Awaited, ShardCallError> {
    let (parts, body) = request.into_parts();
    let headers = glue::pack(&parts.headers);
    let jurisdiction = address.jurisdiction.map(Jurisdiction::as_str);
    let hint = address.location_hint.map(LocationHint::as_str);
    let (name, method, url) = (address.key.as_str(), parts.method.as_str(), parts.uri.to_string());
    if let Some(text) = body.as_bytes().and_then(|bytes| str::from_utf8(bytes).ok()) {
        return Ok(Awaited::start(|slot| {
            glue::call_shard_with_text(
                namespace,
                name,
                jurisdiction,
                hint,
                method,
                &url,
                &headers,
                text,
                slot,
            );
        }));
    }
    let body = message::body_to_js(body)
        .map_err(|error| ShardCallError::unavailable(address.key.clone(), error))?;
    Ok(Awaited::start(|slot| {
        glue::call_shard(namespace, name, jurisdiction, hint, method, &url, &headers, &body, slot);
    }))
}
