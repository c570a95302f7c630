//! The invocation and the bindings of the real platform.

use futures::future::LocalBoxFuture;

use crate::platform::{Environment, ExecutionContext};

impl Environment for worker::Env {
    fn var(&self, name: &str) -> Option<String> {
        // Reads through the raw object: a binding that is not text is not a variable.
        worker::js_sys::Reflect::get(self, &name.into()).ok()?.as_string()
    }
}

impl ExecutionContext for worker::Context {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        self.wait_until(task);
    }

    fn pass_through_on_exception(&self) {
        self.pass_through_on_exception();
    }
}

impl ExecutionContext for worker::ScheduleContext {
    fn wait_until(&self, task: LocalBoxFuture<'static, ()>) {
        self.wait_until(task);
    }
}
