//! The body of a message, and reading it under a budget.

use std::{
    any::Any,
    error::Error,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures::{
    future::LocalBoxFuture,
    stream::{LocalBoxStream, Stream, StreamExt},
};
use http_body::{Frame, SizeHint};

use crate::log;

/// The body of a request or a response: nothing, bytes, a stream, or the host's own.
///
/// ```
/// use lunora::Body;
///
/// # futures::executor::block_on(async {
/// let body = Body::from("hello");
/// assert_eq!(body.into_bytes(1024).await?, "hello");
///
/// let body = Body::from("far too long");
/// assert!(body.into_bytes(4).await.unwrap_err().is_too_large());
/// # Ok::<(), lunora::message::BodyError>(()) }).unwrap();
/// ```
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Stream(LocalBoxStream<'static, Result<Bytes, BodyError>>),
    Host(Box<dyn HostBody>),
}

/// A body that belongs to the platform, such as a `ReadableStream` of JavaScript.
///
/// A platform passes its own bodies to the crate in this form and takes them back with
/// [`Body::into_host`], so that an unread body is never copied.
pub trait HostBody: Any {
    /// Reads everything; more than `limit` bytes is [`BodyError::TooLarge`].
    fn read(self: Box<Self>, limit: usize) -> LocalBoxFuture<'static, Result<Bytes, BodyError>>;

    /// Reads piece by piece, each as soon as it arrives.
    fn into_stream(self: Box<Self>) -> LocalBoxStream<'static, Result<Bytes, BodyError>>;

    /// Reads in pieces of about `bytes`, for which it may wait: for bulk data, where each piece
    /// costs. Default: [`into_stream`](Self::into_stream).
    #[must_use]
    fn into_large_pieces(
        self: Box<Self>,
        bytes: usize,
    ) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        let _ = bytes;
        self.into_stream()
    }
}

impl Body {
    /// The size of the pieces in which bulk is read, in bytes.
    pub(crate) const BULK: usize = 256 * 1024;

    /// Returns an empty body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// Returns a body that is produced while it is sent, in the trace of the request or the event that
    /// is being handled.
    pub fn from_stream(stream: impl Stream<Item = Result<Bytes, BodyError>> + 'static) -> Self {
        Self(Kind::Stream(log::stay_in_trace(stream.boxed_local())))
    }

    /// Returns a body that keeps the host's own body as it is.
    pub fn from_host(body: impl HostBody) -> Self {
        Self(Kind::Host(Box::new(body)))
    }

    /// Returns the host's own body of type `T`, or this body unchanged.
    ///
    /// # Errors
    /// `self`, if the body is of another kind.
    pub fn into_host<T: HostBody>(self) -> Result<Box<T>, Self> {
        match self.0 {
            Kind::Host(host) if (&*host as &dyn Any).is::<T>() => {
                (host as Box<dyn Any>).downcast().map_err(|_| Self::empty())
            }
            other => Err(Self(other)),
        }
    }

    /// Returns whether the body is known to be empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Stream(_) | Kind::Host(_) => false,
        }
    }

    /// Returns the bytes, if they are already in memory.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads everything, counting while it reads.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] as soon as more than `limit` bytes arrived, [`BodyError::Broken`] if
    /// the sender failed.
    pub async fn into_bytes(self, limit: usize) -> Result<Bytes, BodyError> {
        match self.0 {
            Kind::Empty => Ok(Bytes::new()),
            Kind::Bytes(bytes) if bytes.len() > limit => Err(BodyError::TooLarge { limit }),
            Kind::Bytes(bytes) => Ok(bytes),
            Kind::Stream(stream) => read_stream(stream, limit).await,
            Kind::Host(host) => host.read(limit).await,
        }
    }

    /// Reads in pieces of about `bytes`, for which it may wait: for bulk data, where each piece
    /// costs.
    pub(crate) fn into_large_pieces(
        self,
        bytes: usize,
    ) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        match self.0 {
            Kind::Host(host) => host.into_large_pieces(bytes),
            other => Self(other).into_stream(),
        }
    }

    /// Reads piece by piece, each as soon as it arrives.
    #[must_use]
    pub fn into_stream(self) -> LocalBoxStream<'static, Result<Bytes, BodyError>> {
        match self.0 {
            Kind::Empty => futures::stream::empty().boxed_local(),
            Kind::Bytes(bytes) => futures::stream::iter([Ok(bytes)]).boxed_local(),
            Kind::Stream(stream) => stream,
            Kind::Host(host) => host.into_stream(),
        }
    }
}

/// Reads a stream to its end, or to the first byte over `limit`.
pub(crate) async fn read_stream(
    mut stream: impl Stream<Item = Result<Bytes, BodyError>> + Unpin,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if chunk.len() > limit - whole.len() {
            return Err(BodyError::TooLarge { limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Kind::Empty } else { Kind::Bytes(bytes) })
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Kind::Host(_) = self.0 {
            let stream = mem::take(&mut *self).into_stream();
            self.0 = Kind::Stream(stream);
        }
        match &mut self.0 {
            Kind::Stream(stream) => stream.poll_next_unpin(context).map_ok(Frame::data),
            Kind::Bytes(bytes) => {
                let bytes = mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Empty | Kind::Host(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_) | Kind::Host(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("Body::Empty"),
            Kind::Bytes(bytes) => write!(f, "Body::Bytes({})", bytes.len()),
            Kind::Stream(_) => f.write_str("Body::Stream"),
            Kind::Host(_) => f.write_str("Body::Host"),
        }
    }
}

/// The reason why a body could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The body is larger than the reader allows.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The reader's limit, in bytes.
        limit: usize,
    },
    /// The sender failed or disconnected.
    #[error("the body broke off")]
    Broken(#[source] Box<dyn Error + 'static>),
}

impl BodyError {
    /// Returns whether the body was over its limit.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::{executor::block_on, stream};

    use super::*;

    fn chunks(sizes: &'static [usize]) -> Body {
        Body::from_stream(stream::iter(sizes.iter().map(|size| Ok(Bytes::from(vec![7; *size])))))
    }

    #[test]
    fn reads_up_to_the_last_byte_of_its_budget() {
        assert_eq!(block_on(chunks(&[5, 5]).into_bytes(10)).unwrap().len(), 10);
        assert!(block_on(chunks(&[5, 6]).into_bytes(10)).unwrap_err().is_too_large());
        assert!(block_on(Body::from(vec![0; 11]).into_bytes(10)).unwrap_err().is_too_large());
    }

    #[test]
    fn stops_reading_at_the_first_byte_over_budget() {
        let endless = Body::from_stream(stream::repeat_with(|| Ok(Bytes::from_static(b"more"))));
        assert!(block_on(endless.into_bytes(1000)).unwrap_err().is_too_large());
    }

    #[test]
    fn a_broken_sender_is_an_error_and_not_a_short_body() {
        let broken = Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"half")),
            Err(BodyError::Broken("gone".into())),
        ]));
        assert!(matches!(block_on(broken.into_bytes(10)), Err(BodyError::Broken(_))));
    }

    #[test]
    fn speaks_http_body() {
        use http_body::Body as _;
        let mut body = Body::from("abc");
        let mut context = Context::from_waker(futures::task::noop_waker_ref());
        let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else {
            unreachable!("the bytes are there");
        };
        assert_eq!(frame.into_data().unwrap(), "abc");
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut context), Poll::Ready(None)));
    }
}
