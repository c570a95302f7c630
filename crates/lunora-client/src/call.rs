//! [`Call`]: one call, before it is sent.

use std::{future::IntoFuture, marker::PhantomData, time::Duration};

use http::Response;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    BoxFuture, Client, Error, FanOut, FanOutAnswer, Kind, Merge, Mutation, Query,
    client::Terms,
    protocol::{self, Envelope, Headers},
    random,
    reference::Repeats,
};

/// A call of a function, sent when it is awaited.
///
/// ```no_run
/// # async fn f(client: lunora_client::Client) -> Result<(), lunora_client::Error> {
/// let names: Vec<String> = client.query("channels:list", &()).shard("general").await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct Call<'c, K, R> {
    client: &'c Client,
    pub(crate) parts: Result<Parts, Error>,
    types: PhantomData<fn(K) -> R>,
}

/// What a call says, without its types.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) path: String,
    pub(crate) args: Box<RawValue>,
    pub(crate) shard: Option<String>,
    pub(crate) mutation_id: Option<String>,
    pub(crate) repeats: bool,
    pub(crate) writes: bool,
    timeout: Option<Duration>,
}

impl Parts {
    fn new(path: &str, args: &impl Serialize, repeats: Repeats) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            args: protocol::args(args)?,
            shard: None,
            mutation_id: (repeats == Repeats::ById).then(random::id).transpose()?,
            repeats: repeats != Repeats::Never,
            writes: repeats != Repeats::Freely,
            timeout: None,
        })
    }

    pub(crate) fn envelope<'a>(&'a self, fan_out: Option<&'a FanOut>) -> Envelope<'a> {
        Envelope {
            function_path: &self.path,
            args: &self.args,
            shard_key: self.shard.as_deref(),
            fan_out,
        }
    }

    async fn send<T>(
        &self,
        client: &Client,
        fan_out: Option<&FanOut>,
        read: impl Fn(&Response<Vec<u8>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let terms = Terms { repeats: self.repeats, writes: self.writes, timeout: self.timeout };
        let envelope = self.envelope(fan_out);
        let mutation_id = self.mutation_id.as_deref();
        let client_id = mutation_id.map(|_| client.id());
        client
            .send(
                &terms,
                |attempt| {
                    let (bearer, bookmark) = (attempt.bearer, attempt.bookmark);
                    let headers = Headers { bearer, mutation_id, client_id, bookmark };
                    client.endpoint().call(&envelope, &headers)
                },
                read,
            )
            .await
    }
}

impl<'c, K: Kind, R> Call<'c, K, R> {
    pub(crate) fn new(client: &'c Client, path: &str, args: &impl Serialize) -> Self {
        Self { client, parts: Parts::new(path, args, K::REPEATS), types: PhantomData }
    }

    fn with(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        if let Ok(parts) = &mut self.parts {
            change(parts);
        }
        self
    }

    /// Names the shard; the default shard otherwise.
    pub fn shard(self, key: impl Into<String>) -> Self {
        self.with(|parts| parts.shard = Some(key.into()))
    }

    /// Limits the time of this call, its retries included.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|parts| parts.timeout = Some(timeout))
    }
}

impl<R> Call<'_, Mutation, R> {
    /// Chooses the id under which the shard applies the mutation once. By default it is random for each call and kept
    /// across its retries. A program that repeats a mutation by itself chooses one, and a
    /// [`client_id`](Client::client_id).
    pub fn mutation_id(self, id: impl Into<String>) -> Self {
        self.with(|parts| parts.mutation_id = Some(id.into()))
    }
}

impl<'c, R> Call<'c, Query, R> {
    /// Asks every shard of a table, and merges the results.
    ///
    /// The merged value has a type of its own: a list of the rows for [`Merge::Concat`], for example.
    ///
    /// ```no_run
    /// # async fn f(client: lunora_client::Client) -> Result<(), lunora_client::Error> {
    /// use lunora_client::{FanOutAnswer, Merge};
    ///
    /// let counts = client.query::<_, u32>("messages:count", &());
    /// let total: FanOutAnswer<u64> = counts.across("messages", Merge::Sum).await?;
    /// println!("{} messages; {} shards failed", total.data, total.failed);
    /// # Ok(()) }
    /// ```
    pub fn across<T>(self, table: impl Into<String>, merge: Merge) -> FanOutCall<'c, T> {
        FanOutCall {
            client: self.client,
            parts: self.parts,
            fan_out: FanOut::new(table, merge),
            types: PhantomData,
        }
    }
}

impl<'c, K, R: DeserializeOwned + 'c> IntoFuture for Call<'c, K, R> {
    type Output = Result<R, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let (client, parts) = (self.client, self.parts);
        Box::pin(async move { parts?.send(client, None, protocol::answer).await?.read() })
    }
}

/// A query across shards, sent when it is awaited.
#[derive(Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct FanOutCall<'c, T> {
    client: &'c Client,
    parts: Result<Parts, Error>,
    fan_out: FanOut,
    types: PhantomData<fn() -> T>,
}

impl<'c, T: DeserializeOwned + 'c> IntoFuture for FanOutCall<'c, T> {
    type Output = Result<FanOutAnswer<T>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let (client, parts, fan_out) = (self.client, self.parts, self.fan_out);
        Box::pin(async move { parts?.send(client, Some(&fan_out), protocol::fan_out).await })
    }
}
