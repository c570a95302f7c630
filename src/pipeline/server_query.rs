//! Calls from within the Worker: from a page's loader to its own backend.

use serde::de::DeserializeOwned;

use super::{Lunora, answers, rpc};
use crate::{
    errors::LunoraError,
    jobs,
    message::{Request, Response},
    platform::Environment,
    wire::RpcEnvelope,
};

impl<E: Environment> Lunora<E> {
    /// Calls a function as the caller that sent `request`, and reads the value that it returned.
    ///
    /// For the loaders of pages: the call goes straight to the shard, without a request to the
    /// Worker itself. Everything else is as for `POST /_lunora/rpc`: the identity is resolved from
    /// `request`, the gates decide, and internal functions are not callable. Queries across shards
    /// are not reachable.
    ///
    /// The result is read as plain JSON. For dates, big integers and bytes decode into
    /// [`Value`](crate::wire::value::Value).
    ///
    /// ```
    /// use lunora::{
    ///     Request, Response,
    ///     testing::{self, MemoryEnvironment, MemoryNamespace},
    ///     wire::define_rpc_envelope,
    /// };
    ///
    /// use serde_json::Map;
    ///
    /// # futures::executor::block_on(async {
    /// let shards = MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":["hello"]}"#));
    /// let app = testing::builder().shard_do(shards).build();
    ///
    /// let page = Request::get("https://app.example.com/").with_header("cookie", "user=ada");
    /// let call = define_rpc_envelope("messages:list", &Map::new())?;
    /// let messages: Vec<String> = app.server_query(&page, &MemoryEnvironment::new(), &call).await?;
    /// assert_eq!(messages, ["hello"]);
    /// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The error that a client would get; 500 `INTERNAL` if the result is not a `T`.
    pub async fn server_query<T: DeserializeOwned>(
        &self,
        request: &Request,
        env: &E,
        call: &RpcEnvelope,
    ) -> Result<T, LunoraError> {
        let span = self.span(request.headers(), env);
        let answer = async { jobs::result_of(rpc::call(self, request, env, call).await?).await };
        span.run(answer).await
    }

    /// Calls a function as [`server_query`](Self::server_query) does, and returns the raw response:
    /// status and body are those of `POST /_lunora/rpc`, byte for byte, and so are the shard's
    /// headers.
    ///
    /// It lacks the edge's headers, because it does not go to a browser. An error becomes a
    /// response, and is logged if it is the server's fault.
    pub async fn server_query_response(
        &self,
        request: &Request,
        env: &E,
        call: &RpcEnvelope,
    ) -> Response {
        let span = self.span(request.headers(), env);
        let answer = async {
            let answer = rpc::call(self, request, env, call).await;
            answer.unwrap_or_else(|error| answers::error(&error))
        };
        span.run(answer).await
    }
}
