//! What signs URLs.

use std::{marker::PhantomData, time::Duration};

use futures::future::LocalBoxFuture;
use http::Method;

use crate::errors::LunoraError;

/// A URL that is to be signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UrlRequest {
    /// The bucket, by its name.
    pub bucket: String,
    /// The object.
    pub key: String,
    /// What the URL allows: `GET` or `PUT`.
    pub method: Method,
    /// How long it is to be good for, at most 7 days; none for the signer's own measure.
    pub expires_in: Option<Duration>,
    /// The type that an upload must have.
    pub content_type: Option<String>,
    /// The origin that the request came to.
    pub origin: String,
}

/// What signs URLs.
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
