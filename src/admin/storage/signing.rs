//! Signs URLs.

use std::{marker::PhantomData, time::Duration};

use futures::future::LocalBoxFuture;
use http::Method;

use crate::errors::LunoraError;

/// A URL to sign.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UrlRequest {
    /// The name of the bucket.
    pub bucket: String,
    /// The key of the object.
    pub key: String,
    /// The method that the URL allows: `GET` or `PUT`.
    pub method: Method,
    /// The validity, at most 7 days; if absent, the signer decides.
    pub expires_in: Option<Duration>,
    /// The type that an upload must have.
    pub content_type: Option<String>,
    /// The origin of the request.
    pub origin: String,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Signs URLs.
pub(super) trait UrlSigner {
    fn sign<'a>(
        &'a self,
        request: &'a UrlRequest,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>>;
}

pub(super) struct SignerFn<F, E>(F, PhantomData<fn() -> E>);

impl<F, E> SignerFn<F, E> {
    pub(super) fn new(sign: F) -> Self {
        Self(sign, PhantomData)
    }
}

impl<F, E> UrlSigner for SignerFn<F, E>
where
    F: AsyncFn(&UrlRequest) -> Result<String, E> + 'static,
    E: Into<Box<dyn std::error::Error>> + 'static,
{
    fn sign<'a>(
        &'a self,
        request: &'a UrlRequest,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>> {
        Box::pin(async move { (self.0)(request).await.map_err(LunoraError::internal) })
    }
}
