//! [`Batch`]: several calls in one request.

use std::{marker::PhantomData, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    Call, Client, Error,
    call::Parts,
    client::Terms,
    protocol::{self, Entry, Headers, Slots},
};

/// Several calls in one request. The calls of one shard run one after another; each has a result of its own.
///
/// ```no_run
/// # async fn f(client: lunora_client::Client) -> Result<(), lunora_client::Error> {
/// let mut batch = client.batch();
/// let names = batch.add::<_, Vec<String>>(client.query("channels:list", &()));
/// let count = batch.add::<_, u32>(client.query("messages:count", &()).shard("general"));
/// let answers = batch.send().await?;
/// println!("{:?}, {}", answers.get(&names)?, answers.get(&count)?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a batch is sent by `send`"]
pub struct Batch<'c> {
    client: &'c Client,
    calls: Vec<Result<Parts, Error>>,
    timeout: Option<Duration>,
}

/// The place of one call in a batch, with the type of its result.
#[derive(Debug)]
pub struct Slot<R> {
    position: usize,
    types: PhantomData<fn() -> R>,
}

impl<'c> Batch<'c> {
    pub(crate) fn new(client: &'c Client) -> Self {
        Self { client, calls: Vec::new(), timeout: None }
    }

    /// Adds a call; of its client only the batch's is used.
    pub fn add<K, R>(&mut self, call: Call<'_, K, R>) -> Slot<R> {
        self.calls.push(call.parts);
        Slot { position: self.calls.len() - 1, types: PhantomData }
    }

    /// Limits the time of the batch, its retries included. Those of its calls do not count.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the calls. A batch without an action is sent again if no answer comes.
    ///
    /// # Errors
    /// If the whole batch failed. The error of one call is that of its [`get`](Answers::get).
    pub async fn send(self) -> Result<Answers, Error> {
        let client = self.client;
        let calls = self.calls.into_iter().collect::<Result<Vec<_>, _>>()?;
        let terms = Terms {
            repeats: calls.iter().all(|call| call.repeats),
            writes: calls.iter().any(|call| call.writes),
            timeout: self.timeout,
        };
        let entry = |(id, parts)| {
            let parts: &Parts = parts;
            let mutation_id = parts.mutation_id.as_deref();
            let client_id = mutation_id.map(|_| client.id());
            Entry { envelope: parts.envelope(None), id, mutation_id, client_id }
        };
        let entries: Vec<_> = calls.iter().enumerate().map(entry).collect();
        let request = |attempt: crate::client::Attempt| {
            let (bearer, bookmark) = (attempt.bearer, attempt.bookmark);
            client.endpoint().batch(&entries, &Headers { bearer, bookmark, ..Headers::default() })
        };
        client.send(&terms, request, protocol::slots).await.map(Answers)
    }
}

/// The results of a batch.
#[derive(Debug)]
pub struct Answers(Slots);

impl Answers {
    /// Returns the result of a call.
    ///
    /// # Errors
    /// Those of the call.
    pub fn get<R: DeserializeOwned>(&self, slot: &Slot<R>) -> Result<R, Error> {
        self.0.get(slot.position)?.read()
    }
}
