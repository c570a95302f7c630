//! Durable Objects as shards.

use std::cell::Cell;

use futures::future::LocalBoxFuture;
use wasm_bindgen::{JsCast, JsValue};
use worker::{ObjectNamespace, js_sys::Promise, wasm_bindgen_futures::JsFuture, web_sys};

use super::{error::JsFailure, glue, message};
use crate::{
    message::{Request, Response},
    platform::{Jurisdiction, LocationHint, ShardAddress, ShardCallError, ShardNamespace},
};

impl ShardNamespace for ObjectNamespace {
    fn fetch(
        &self,
        address: &ShardAddress,
        request: Request,
    ) -> LocalBoxFuture<'static, Result<Response, ShardCallError>> {
        let address = address.clone();
        let namespace: &JsValue = self.as_ref();
        let (promise, guard) = match start(namespace, &address, request) {
            Ok(started) => started,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        Box::pin(async move {
            let outcome = JsFuture::from(promise).await;
            guard.finished();
            let answer = outcome.map_err(|thrown| {
                let failure = JsFailure::from(thrown);
                ShardCallError::Unavailable {
                    key: address.key.clone(),
                    retryable: failure.retryable,
                    overloaded: failure.overloaded,
                    source: failure.into(),
                }
            })?;
            match (answer.dyn_into::<web_sys::Response>(), address.jurisdiction) {
                (Ok(response), _) => Ok(message::response_from_js(response)),
                (Err(_), Some(jurisdiction)) => {
                    Err(ShardCallError::JurisdictionUnsupported(jurisdiction))
                }
                (Err(_), None) => {
                    Err(ShardCallError::unavailable(address.key, "the object answered no response"))
                }
            }
        })
    }
}

fn start(
    namespace: &JsValue,
    address: &ShardAddress,
    request: Request,
) -> Result<(Promise, Abandon), ShardCallError> {
    let (parts, body) = request.into_parts();
    let headers = glue::pack(&parts.headers);
    let jurisdiction = address.jurisdiction.map(Jurisdiction::as_str);
    let hint = address.location_hint.map(LocationHint::as_str);
    let (name, method, url) = (address.key.as_str(), parts.method.as_str(), parts.uri.to_string());
    let guard = Abandon::new();
    let promise = match body.as_bytes() {
        Some(bytes) => glue::call_shard_with_bytes(
            namespace,
            name,
            jurisdiction,
            hint,
            method,
            &url,
            &headers,
            bytes,
            guard.call,
        ),
        None => {
            let body = message::body_to_js(body)
                .map_err(|error| ShardCallError::unavailable(address.key.clone(), error))?;
            glue::call_shard(
                namespace,
                name,
                jurisdiction,
                hint,
                method,
                &url,
                &headers,
                &body,
                guard.call,
            )
        }
    };
    Ok((promise, guard))
}

/// Aborts its call when it is dropped before the call finished.
struct Abandon {
    call: u32,
}

impl Abandon {
    fn new() -> Self {
        thread_local! {
            static NEXT: Cell<u32> = const { Cell::new(0) };
        }
        Self { call: NEXT.replace(NEXT.get().wrapping_add(1)) }
    }

    fn finished(self) {
        std::mem::forget(self);
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        glue::abandon_call(self.call);
    }
}
