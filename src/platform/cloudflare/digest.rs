//! SHA-256 by the runtime.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Promise, Uint8Array};

use super::promise::{Awaited, Value};
use crate::errors::LunoraError;

#[wasm_bindgen(module = "/src/platform/cloudflare/digest.js")]
extern "C" {
    #[wasm_bindgen(js_name = beginDigest, catch)]
    fn begin() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = addToDigest)]
    fn add(digest: &JsValue, bytes: &[u8]) -> Promise;

    #[wasm_bindgen(js_name = endDigest)]
    fn end(digest: &JsValue) -> Promise;
}

/// A digest in progress.
pub(crate) struct Sha256Stream(JsValue);

impl Sha256Stream {
    pub(crate) fn new() -> Result<Self, LunoraError> {
        begin().map(Self).map_err(failed)
    }

    pub(crate) async fn update(&mut self, bytes: &[u8]) -> Result<(), LunoraError> {
        Awaited::promise(&add(&self.0, bytes)).await.map(drop).map_err(failed)
    }

    pub(crate) async fn finish(self) -> Result<[u8; 32], LunoraError> {
        let digest = Awaited::promise(&end(&self.0)).await.map(Value::into_js).map_err(failed)?;
        let digest = Uint8Array::new(&digest).to_vec();
        digest.try_into().map_err(|_| LunoraError::internal("unexpected length of a digest"))
    }
}

fn failed(error: JsValue) -> LunoraError {
    LunoraError::internal(worker::Error::from(error))
}
