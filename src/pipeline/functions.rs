//! Calls to functions from handlers.

use futures::future::LocalBoxFuture;

use super::{Lunora, admission::Admission, dispatch::Call, hooks::FunctionHost, span::Span};
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
    span: &'a Span,
}

impl<'a, E> Caller<'a, E> {
    /// Returns the caller that sent `request`.
    pub(super) fn of(app: &'a Lunora<E>, env: &'a E, request: &Request, span: &'a Span) -> Self {
        let mut head = Request::new(request.method().clone(), request.uri().clone(), Body::empty());
        *head.headers_mut() = request.headers().clone();
        Self { app, env, request: Some(head), span }
    }

    /// Returns the server itself as the caller.
    pub(super) fn server(app: &'a Lunora<E>, env: &'a E, span: &'a Span) -> Self {
        Self { app, env, request: None, span }
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
                    let mut request = call.to_request()?;
                    self.span.write(request.headers_mut());
                    return self.app.ask(key, request).await;
                }
            };
            let admission = Admission::new(self.app, request, self.env, self.span);
            let admitted = admission.nested_call(call.function_path(), &key).await?;
            self.app.send(Call::new(key, admitted, call)).await
        })
    }
}
