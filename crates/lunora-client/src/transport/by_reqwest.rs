//! [`ReqwestTransport`].

use std::time::Duration;

use http::{Request, Response};

use super::{BoxFuture, Transport};
use crate::{Error, TransportError};

/// Sends by the crate `reqwest`: natively on the runtime of tokio, on wasm by `fetch` in browsers, Node and Workers.
///
/// Natively it verifies certificates by rustls and the roots of Mozilla.
#[derive(Clone, Debug)]
pub struct ReqwestTransport(reqwest::Client);

impl ReqwestTransport {
    /// Creates the transport, with a pool of connections of its own.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, Error> {
        let client = builder()?.build();
        let failed = |error| Error::Usage(format!("cannot set up the HTTP client: {error}"));
        client.map(Self).map_err(failed)
    }

    /// Sends by a client that is configured already: with a proxy, other roots, or HTTP/2. It should not follow
    /// redirects.
    #[must_use]
    pub fn with_client(client: reqwest::Client) -> Self {
        Self(client)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn builder() -> Result<reqwest::ClientBuilder, Error> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Usage(format!("cannot set up TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("lunora-client/", env!("CARGO_PKG_VERSION"))))
}

#[cfg(target_arch = "wasm32")]
fn builder() -> Result<reqwest::ClientBuilder, Error> {
    Ok(reqwest::Client::builder())
}

impl Transport for ReqwestTransport {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            // The URL is left out: the caller knows it.
            let failed = |error: reqwest::Error| TransportError::new(error.without_url());
            let request = reqwest::Request::try_from(request).map_err(failed)?;
            let response = self.0.execute(request).await.map_err(failed)?;
            let mut answer = Response::new(Vec::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = response.headers().clone();
            *answer.body_mut() = response.bytes().await.map_err(failed)?.into();
            Ok(answer)
        })
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    #[cfg(target_arch = "wasm32")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(gloo_timers::future::sleep(duration))
    }
}
