//! The way to a deployment.

#[cfg(feature = "reqwest")]
mod by_reqwest;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use http::{Request, Response};

#[cfg(feature = "reqwest")]
pub use self::by_reqwest::ReqwestTransport;
use crate::TransportError;

/// A future on the heap. Natively it is `Send`; on wasm, whose futures stay on their thread, it is not.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A future on the heap. Natively it is `Send`; on wasm, whose futures stay on their thread, it is not.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// `Send` natively, and every type on wasm.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + ?Sized> MaybeSend for T {}
/// `Send` natively, and every type on wasm.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync` natively, and every type on wasm.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Sync + ?Sized> MaybeSync for T {}
/// `Sync` natively, and every type on wasm.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSync {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSync for T {}

/// Sends requests and measures time. The client does everything else.
///
/// `ReqwestTransport` is the default. Another one may count requests, reach a Worker by a service binding, or answer
/// in tests:
///
/// ```
/// use std::time::Duration;
///
/// use http::{Request, Response};
/// use lunora_client::{BoxFuture, Client, Transport, TransportError};
///
/// struct Canned(&'static str);
///
/// impl Transport for Canned {
///     fn send(&self, _: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
///         Box::pin(async { Ok(Response::new(self.0.into())) })
///     }
///
///     fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
///         Box::pin(std::future::pending())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), lunora_client::Error> {
/// let client = Client::with_transport("https://app.example.com", Canned(r#"{"result":3}"#))?;
/// let count: u32 = client.query("messages:count", &()).await?;
/// assert_eq!(count, 3);
/// # Ok(()) }
/// ```
pub trait Transport: MaybeSend + MaybeSync + 'static {
    /// Sends a request and returns the whole answer, of any status. Redirects are not followed.
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>>;

    /// Waits: before a retry, and until the time of a call runs out.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Runs work until it is done or `limit` is.
pub(crate) async fn race<T>(
    work: impl Future<Output = T>,
    limit: impl Future<Output = ()>,
) -> Option<T> {
    let (mut work, mut limit) = (pin!(work), pin!(limit));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| None),
    })
    .await
}
