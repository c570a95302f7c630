//! The requests that a shard accepts (docs/wire.md, "Requests to a shard").

use headers::HeaderMapExt;
use http::Method;

use super::{
    admin,
    call::{Envelope, caller, write_ids},
    instance::Shard,
};
use crate::{
    errors::LunoraError,
    log,
    message::{Request, Response, to_error_response},
    wire::{
        headers::{Trace, WantErrorDetail},
        identity::check_minted_expiry,
        paths,
    },
};

impl Shard {
    /// The largest body of a request: the Worker has its own limits, and an operator's import is
    /// larger.
    const MAX_BODY: usize = 32 * 1024 * 1024;

    /// Answers one request; an error becomes a response, and is logged if it is the server's fault.
    ///
    /// `POST /rpc` is one call, `POST /rpc-batch` several, `GET /_lunora/route` reports zero
    /// relays; everything else is 404.
    pub async fn fetch(&self, request: Request) -> Response {
        let trace = Trace::of(request.headers());
        let answer = async {
            self.answer(request).await.unwrap_or_else(|error| {
                if error.status().is_server_error() {
                    log::error(&error.to_log_line());
                }
                to_error_response(&error)
            })
        };
        log::in_trace(trace, answer).await
    }

    async fn answer(&self, mut request: Request) -> Result<Response, LunoraError> {
        check_minted_expiry(request.headers(), self.inner.state.host().now_ms())?;
        match (request.method().clone(), request.path()) {
            (Method::POST, paths::ON_SHARD_RPC) => {
                let body = request.bytes(Self::MAX_BODY).await?;
                let envelope = Envelope::parse(&body)?;
                let headers = request.headers();
                let (caller, ids) = (caller(headers), write_ids(headers));
                let reply = self.call(&envelope, &caller, &ids, request.bearer()).await?;
                Ok(reply.into_response())
            }
            (Method::POST, paths::ON_SHARD_RPC_BATCH) => {
                let body = request.bytes(Self::MAX_BODY).await?;
                let headers = request.headers();
                // The Worker passes the header on for operators only; the shard checks them as well.
                let detailed = headers.typed_get::<WantErrorDetail>().is_some()
                    && admin::gate(&self.inner, request.bearer()).is_ok();
                let results = self.batch(&body, &caller(headers), detailed).await?;
                Ok(Response::raw_json(results))
            }
            (Method::GET, paths::ON_SHARD_ROUTE) => Ok(Response::raw_json(r#"{"relayCount":0}"#)),
            _ => Ok(Response::text("Not found").with_status(404)),
        }
    }
}
