//! [`Endpoint`]: the address of a deployment.

use http::{HeaderValue, Method, Request};
use serde::Serialize;
use url::{Host, Url};

use super::{Entry, Envelope, Headers};
use crate::Error;

/// The address of a deployment.
#[derive(Clone, Debug)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads an origin, such as `https://app.example.com`.
    ///
    /// # Errors
    /// [`Error::Usage`] if it has another scheme than `http` and `https`, a user, or a path.
    pub fn new(url: &str) -> Result<Self, Error> {
        let base = Url::parse(url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host())
            .ok_or_else(|| {
                Error::Usage(format!("invalid deployment URL `{url}`: expected https://<host>"))
            })?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::Usage(
                "the deployment URL has a user or a password: expected https://<host>".into(),
            ));
        }
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(Error::Usage(format!(
                "`{url}` has a path: expected the origin of a deployment, such as {}",
                base.origin().ascii_serialization()
            )));
        }
        Ok(Self(base))
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the URL of a path below it, such as `_lunora/rpc`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the path makes no URL.
    pub fn at(&self, path: &str) -> Result<Url, Error> {
        let url = self.0.join(&format!("/{path}"));
        url.map_err(|error| Error::Usage(format!("{}: {error}", self.0)))
    }

    /// Returns a token as the header `authorization`, which its `Debug` does not show.
    ///
    /// # Errors
    /// [`Error::Usage`] if the token has other characters than visible ASCII, and if it would be sent unencrypted to
    /// another machine.
    pub fn bearer(&self, token: &str) -> Result<HeaderValue, Error> {
        if self.0.scheme() == "http" && !self.is_loopback() {
            return Err(Error::Usage(format!(
                "a token is not sent to {} unencrypted: use https",
                self.0
            )));
        }
        let is_visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = is_visible.then(|| HeaderValue::try_from(format!("Bearer {token}")).ok());
        let mut header = header.flatten().ok_or_else(|| {
            Error::Usage("malformed token: expected visible ASCII characters on one line".into())
        })?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns the request of one call.
    ///
    /// # Errors
    /// [`Error::Usage`] if an id is no header.
    pub fn call(
        &self,
        envelope: &Envelope<'_>,
        headers: &Headers<'_>,
    ) -> Result<Request<Vec<u8>>, Error> {
        self.post("_lunora/rpc", envelope, headers)
    }

    /// Returns the request of several calls.
    ///
    /// # Errors
    /// [`Error::Usage`] if an id is no header.
    pub fn batch(
        &self,
        calls: &[Entry<'_>],
        headers: &Headers<'_>,
    ) -> Result<Request<Vec<u8>>, Error> {
        #[derive(Serialize)]
        struct Batch<'a> {
            calls: &'a [Entry<'a>],
        }

        self.post("_lunora/rpc-batch", &Batch { calls }, headers)
    }

    fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        headers: &Headers<'_>,
    ) -> Result<Request<Vec<u8>>, Error> {
        let usage = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
        let mut request = Request::new(serde_json::to_vec(body).map_err(|error| usage(&error))?);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.at(path)?.as_str().parse().map_err(|error| usage(&error))?;
        headers.write(request.headers_mut())?;
        Ok(request)
    }
}
