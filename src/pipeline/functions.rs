//! Calls to functions from handlers.

use futures::future::LocalBoxFuture;

use super::{Lunora, admission::Admission, dispatch::Call, hooks::FunctionHost};
use crate::{
    errors::LunoraError,
    jobs::SystemCall,
    message::{Body, Request, Response},
    platform::Environment,
    wire::RpcEnvelope,
};

/// The Worker around a handler, and the caller of the handler.
pub(super) struct Caller<'a, E> {
    app: &'a Lunora<E>,
    env: &'a E,
    /// The request without its body; `None` for a trigger.
    request: Option<Request>,
}

impl<'a, E> Caller<'a, E> {
    /// Returns the caller that sent `request`.
    pub(super) fn of(app: &'a Lunora<E>, env: &'a E, request: &Request) -> Self {
        let mut head = Request::new(request.method().clone(), request.uri().clone(), Body::empty());
        *head.headers_mut() = request.headers().clone();
        Self { app, env, request: Some(head) }
    }

    /// Returns the server itself as the caller.
    pub(super) fn server(app: &'a Lunora<E>, env: &'a E) -> Self {
        Self { app, env, request: None }
    }
}

impl<E: Environment> FunctionHost for Caller<'_, E> {
    fn call<'a>(
        &'a self,
        call: &'a RpcEnvelope,
        as_server: bool,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            let settings = &self.app.settings;
            let key = call.shard_key().unwrap_or(&settings.default_shard_key).clone();
            let request = match &self.request {
                Some(request) if !as_server => request,
                _ => {
                    let (function_path, args) = (call.function_path(), call.args());
                    let call = SystemCall { function_path, args, mutation_id: None };
                    return self.app.ask(key, call.to_request()?).await;
                }
            };
            let admission = Admission::new(self.app, request, self.env);
            let admitted = admission.nested_call(call.function_path(), &key).await?;
            self.app.send(Call::new(key, admitted, call)).await
        })
    }
}
