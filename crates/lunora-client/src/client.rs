//! [`Client`]: calls of one deployment.

mod send;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::HeaderValue;
use serde::Serialize;

pub(crate) use self::send::{Attempt, Terms};
use crate::{
    Action, Batch, Call, Error, Function, Kind, MaybeSend, MaybeSync, Mutation, Query, Transport,
    error::BoxError, protocol::Endpoint, random, token::Token,
};

/// A client of one deployment. Clones share its connections.
///
/// | setter | meaning | default |
/// |---|---|---|
/// | [`token`](Self::token), [`token_with`](Self::token_with) | the bearer token of each request | anonymous |
/// | [`timeout`](Self::timeout) | the time of a call, its retries included | 30 seconds |
/// | [`retries`](Self::retries) | how often a query or a mutation is sent again | 4 times |
/// | [`client_id`](Self::client_id) | the namespace of mutation ids of an anonymous caller | random |
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), lunora_client::Error> {
/// use lunora_client::Client;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Message { text: String }
///
/// #[derive(serde::Serialize)]
/// struct Send { text: String }
///
/// let client = Client::new("https://app.example.com")?.token("…");
/// let sent: Message = client.mutation("messages:send", &Send { text: "hi".into() }).shard("room:1").await?;
/// println!("{}", sent.text);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Client {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    token: Token,
    client_id: Arc<str>,
    timeout: Duration,
    retries: u32,
    /// What the database of global tables said last, so that later reads see it.
    bookmark: Arc<Mutex<Option<HeaderValue>>>,
}

#[allow(clippy::needless_pass_by_value, reason = "a function is a reference or a `&str` already")]
impl Client {
    /// Creates a client of the deployment at an origin, such as `https://app.example.com`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the URL is no origin, or if TLS cannot be set up.
    #[cfg(feature = "reqwest")]
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::with_transport(url, crate::ReqwestTransport::new()?)
    }

    /// Creates a client that sends by `transport`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the URL is no origin.
    pub fn with_transport(url: &str, transport: impl Transport) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::new(url)?,
            transport: Arc::new(transport),
            token: Token::Absent,
            client_id: random::id()?.into(),
            timeout: Duration::from_secs(30),
            retries: 4,
            bookmark: Arc::default(),
        })
    }

    /// Sends a bearer token with each request. Over an unencrypted connection it is sent only to this machine.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Token::Fixed(token.into().into());
        self
    }

    /// Asks for the bearer token before each request. A query or a mutation whose token is rejected is sent once
    /// more, with the next one.
    ///
    /// ```
    /// # use lunora_client::{Client, Error};
    /// # fn f(client: Client) -> Client {
    /// client.token_with(|| async { Ok::<_, std::env::VarError>(std::env::var("APP_TOKEN")?) })
    /// # }
    /// ```
    pub fn token_with<F, U, E>(mut self, ask: F) -> Self
    where
        F: Fn() -> U + MaybeSend + MaybeSync + 'static,
        U: Future<Output = Result<String, E>> + MaybeSend + 'static,
        E: Into<BoxError> + 'static,
    {
        self.token = Token::asked(ask);
        self
    }

    /// Limits the time of a call, its retries included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits how often a query or a mutation is sent again. Actions are sent once.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Names this client: ids of mutations of anonymous callers belong to it. A program that sends a mutation again
    /// after a restart keeps both.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into().into();
        self
    }

    /// Reads by a query.
    pub fn query<A: Serialize, R>(
        &self,
        function: impl Function<Query, A, R>,
        args: &A,
    ) -> Call<'_, Query, R> {
        self.call(function.path(), args)
    }

    /// Writes by a mutation. It has an id, under which the shard applies it once, however often it is sent.
    pub fn mutation<A: Serialize, R>(
        &self,
        function: impl Function<Mutation, A, R>,
        args: &A,
    ) -> Call<'_, Mutation, R> {
        self.call(function.path(), args)
    }

    /// Runs an action. It is sent once.
    pub fn action<A: Serialize, R>(
        &self,
        function: impl Function<Action, A, R>,
        args: &A,
    ) -> Call<'_, Action, R> {
        self.call(function.path(), args)
    }

    /// Creates an empty batch: several calls in one request.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    fn call<K: Kind, R>(&self, path: &str, args: &impl Serialize) -> Call<'_, K, R> {
        Call::new(self, path, args)
    }

    /// Returns the namespace of mutation ids.
    pub(crate) fn id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.endpoint.url().as_str())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
