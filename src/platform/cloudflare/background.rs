//! Work that no answer waits for.

use futures::future::{Either, LocalBoxFuture};
use wasm_bindgen::JsValue;
#[cfg(feature = "shard")]
use worker::State;

use super::{
    glue,
    promise::{Answer, start},
};

/// Runs a future, and keeps the event that is being handled alive until it is done.
#[cfg(target_arch = "wasm32")]
pub(crate) fn keep_alive(future: LocalBoxFuture<'static, ()>) {
    if let Either::Right(task) = start_work(future) {
        glue::keep_alive(task);
    }
}

/// Runs a future beside the events of an object. A trap in it is one of the object.
#[cfg(feature = "shard")]
pub(crate) fn run_beside(state: &State, future: LocalBoxFuture<'static, ()>) {
    if let Either::Right(task) = start_work(future) {
        glue::run_beside(state.as_raw(), task);
    }
}

fn start_work(future: LocalBoxFuture<'static, ()>) -> Either<Answer, u32> {
    start(async move {
        future.await;
        Ok(JsValue::UNDEFINED)
    })
}
