//! One call of several shards.

use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt,
    stream::{self, LocalBoxStream},
};
use headers::{ContentLength, HeaderMapExt};
use http::{HeaderMap, StatusCode};

use super::{Clock, ResolvedShard, ShardCallError, within};
use crate::{
    message::{Body, BodyError, Request},
    wire::headers::Bookmark,
};

/// A call that several shards get, with the limits on it.
pub(crate) struct EachCall {
    /// The address to which it is sent, such as [`SHARD_RPC`](crate::wire::paths::SHARD_RPC).
    pub(crate) url: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: EachBody,
    /// How many shards are asked at once.
    pub(crate) at_once: usize,
    /// The time that each has, its body included.
    pub(crate) time: Duration,
    /// The largest answer of each, in bytes.
    pub(crate) max_bytes: usize,
    /// Whether the time and the bytes are those of all together.
    pub(crate) shares_limits: bool,
    /// Whether the bookmark of each answer is wanted.
    pub(crate) wants_bookmark: bool,
    /// Measures the time, where the host does not.
    pub(crate) clock: Rc<dyn Clock>,
}

/// What is sent to the shards.
pub(crate) enum EachBody {
    /// The same text to all.
    Same(Bytes),
    /// One to each, in their order; none is empty.
    Own(Vec<String>),
}

impl EachBody {
    fn of(&self, place: usize) -> Bytes {
        match self {
            Self::Same(body) => body.clone(),
            Self::Own(bodies) => bodies.get(place).cloned().unwrap_or_default().into(),
        }
    }

    /// Returns the own body of the shard at `place`.
    pub(super) fn own(&self, place: usize) -> Option<&str> {
        match self {
            Self::Same(_) => None,
            Self::Own(bodies) => bodies.get(place).map(String::as_str),
        }
    }

    /// Returns the body of the shards that have none of their own.
    pub(super) fn same(&self) -> &str {
        match self {
            Self::Same(body) => str::from_utf8(body).unwrap_or_default(),
            Self::Own(_) => "",
        }
    }
}

/// What one shard answered.
pub(crate) struct EachAnswer {
    /// The place of the shard among those that were called.
    pub(crate) place: usize,
    pub(crate) outcome: Result<EachSuccess, EachFailure>,
}

/// An answer, of any status.
pub(crate) struct EachSuccess {
    pub(crate) status: StatusCode,
    /// The bookmark, if it was wanted.
    pub(crate) bookmark: Option<Bookmark>,
    pub(crate) body: Result<Bytes, BodyError>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum EachFailure {
    /// It did not come in time.
    Late,
    /// The shard was not asked: the time of all was up.
    NotAsked,
    /// There will be none.
    NoAnswer(ShardCallError),
}

/// How the shards of a namespace are asked, several at once.
#[derive(Clone, Copy)]
pub struct AskEach(
    pub(crate) fn(Vec<ResolvedShard>, EachCall) -> LocalBoxStream<'static, EachAnswer>,
);

impl AskEach {
    /// Sends each shard a request of its own, which every namespace knows.
    pub(crate) const BY_REQUESTS: Self = Self(by_requests);
}

fn by_requests(shards: Vec<ResolvedShard>, call: EachCall) -> LocalBoxStream<'static, EachAnswer> {
    let at_once = call.at_once;
    let asking = Rc::new(Asking {
        began_ms: call.clock.now_ms(),
        budget: Budget::new(call.max_bytes),
        call,
    });
    let answers = shards.into_iter().enumerate().map(move |(place, shard)| {
        let asking = asking.clone();
        async move { EachAnswer { place, outcome: asking.ask(place, &shard).await } }
    });
    stream::iter(answers).buffer_unordered(at_once).boxed_local()
}

/// A call on its way.
struct Asking {
    call: EachCall,
    began_ms: u64,
    /// The bytes of all, if they share the limits.
    budget: Budget,
}

impl Asking {
    async fn ask(&self, place: usize, shard: &ResolvedShard) -> Result<EachSuccess, EachFailure> {
        let EachCall { clock, time, shares_limits, .. } = &self.call;
        let elapsed = Duration::from_millis(clock.now_ms().saturating_sub(self.began_ms));
        let left = if *shares_limits { time.saturating_sub(elapsed) } else { *time };
        if left.is_zero() && *shares_limits {
            return Err(EachFailure::NotAsked);
        }
        let answer = within(&**clock, left, self.ask_patiently(place, shard)).await;
        answer.unwrap_or(Err(EachFailure::Late))
    }

    async fn ask_patiently(
        &self,
        place: usize,
        shard: &ResolvedShard,
    ) -> Result<EachSuccess, EachFailure> {
        let EachCall { url, headers, body, max_bytes, shares_limits, .. } = &self.call;
        let mut request = Request::post(*url, body.of(place));
        request.headers_mut().clone_from(headers);
        let response = shard.send(request).await.map_err(EachFailure::NoAnswer)?;
        let (head, body) = response.into_parts();
        let own = Budget::new(*max_bytes);
        let budget = if *shares_limits { &self.budget } else { &own };
        let declared = head.headers.typed_get::<ContentLength>();
        let declared = declared.and_then(|ContentLength(length)| length.try_into().ok());
        Ok(EachSuccess {
            status: head.status,
            bookmark: head.headers.typed_get(),
            body: budget.read(body, declared).await,
        })
    }
}

/// The bytes that may still be read; answers that are read at once may share them.
struct Budget {
    left: Cell<usize>,
    limit: usize,
}

impl Budget {
    fn new(limit: usize) -> Self {
        Self { left: Cell::new(limit), limit }
    }

    /// Reads a body while the budget lasts. A failed read returns its share of the budget.
    async fn read(&self, body: Body, declared: Option<usize>) -> Result<Bytes, BodyError> {
        let mut taken = 0;
        let read = self.read_counted(body, declared, &mut taken).await;
        if read.is_err() {
            self.left.set(self.left.get() + taken);
        }
        read
    }

    async fn read_counted(
        &self,
        body: Body,
        declared: Option<usize>,
        taken: &mut usize,
    ) -> Result<Bytes, BodyError> {
        // A body of known length is read at once, which costs the platform less.
        if let Some(length) = body.as_bytes().map(Bytes::len).or(declared) {
            self.take(length, taken)?;
            return body.into_bytes(length).await;
        }
        let mut whole = BytesMut::new();
        let mut pieces = body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            self.take(piece.len(), taken)?;
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    fn take(&self, bytes: usize, taken: &mut usize) -> Result<(), BodyError> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or(BodyError::TooLarge { limit: self.limit })?);
        *taken += bytes;
        Ok(())
    }
}
