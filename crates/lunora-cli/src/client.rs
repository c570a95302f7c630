//! The deployment, over HTTP.

use std::{
    env,
    io::{self, Read},
    time::Duration,
};

use lunora_client::protocol::{self, Endpoint, Envelope, Headers};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, AsSendBody, Body, SendBody,
    http::{HeaderValue, Method, Request, Response},
};
use url::Url;

use crate::failure::Failure;

/// A deployment, and the token of its operator.
pub(crate) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    token: Option<String>,
}

impl Client {
    /// The variable that holds the admin token.
    const TOKEN: &'static str = "LUNORA_ADMIN_TOKEN";

    pub(crate) fn new(url: &str, timeout_seconds: u64) -> Result<Self, Failure> {
        let endpoint = Endpoint::new(url)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(timeout_seconds)))
            .user_agent(concat!("lunora-cli/", env!("CARGO_PKG_VERSION")))
            .build();
        let token = Self::token()?;
        Ok(Self { agent: config.into(), endpoint, token })
    }

    /// Reads the token. A file with variables may end its lines with CRLF, which leaves white space at
    /// the end.
    fn token() -> Result<Option<String>, Failure> {
        let Some(token) = env::var_os(Self::TOKEN) else { return Ok(None) };
        let token = token.to_str().map(str::trim);
        match token {
            Some("") => Ok(None),
            Some(token) if token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(token.to_owned()))
            }
            _ => Err(Failure::Usage(format!(
                "{} is malformed: expected visible ASCII characters on one line",
                Self::TOKEN
            ))),
        }
    }

    /// Returns the URL of the deployment, as `--url` takes it.
    pub(crate) fn url(&self) -> &str {
        self.endpoint.url().as_str()
    }

    /// Sends a request as it is, and returns the answer of any status. No token is added.
    pub(crate) fn exchange(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        if request.body().is_empty() && request.method() != Method::POST {
            let request = self.agent.configure_request(request.map(drop));
            return self.agent.run(request.timeout_global(Some(timeout)).build());
        }
        let request = self.agent.configure_request(request);
        self.agent.run(request.timeout_global(Some(timeout)).build())
    }

    /// Tells whether there is an admin token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Reads an admin endpoint.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let url = self.admin(path)?;
        let request = self.agent.get(url.as_str()).header("authorization", self.bearer()?);
        read(answer(url.as_str(), request.call())?)
    }

    /// Calls an admin endpoint.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        read(self.post_for_stream(path, body)?)
    }

    /// Calls `POST /_lunora/migrate`.
    pub(crate) fn migrate<T: DeserializeOwned>(&self, body: &impl Serialize) -> Result<T, Failure> {
        let url = self.endpoint.at("_lunora/migrate")?;
        read(self.send(&url, to_json(body)?.as_slice())?)
    }

    /// Calls an admin endpoint whose answer may be of any size.
    pub(crate) fn post_for_stream(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Body>, Failure> {
        self.send(&self.admin(path)?, to_json(body)?.as_slice())
    }

    /// Calls an admin endpoint with a body of any size.
    pub(crate) fn post_stream<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &mut dyn Read,
    ) -> Result<T, Failure> {
        let mut body = body;
        read(self.send(&self.admin(path)?, SendBody::from_reader(&mut body))?)
    }

    /// Calls a function as a client does. The admin token is not sent.
    pub(crate) fn rpc(
        &self,
        call: &Envelope<'_>,
        token: Option<&str>,
    ) -> Result<protocol::Answer, Failure> {
        self.call(call, token.map(|token| self.bearer_of(token)).transpose()?)
    }

    /// Calls an operation of a shard, with the admin token.
    pub(crate) fn operate(&self, call: &Envelope<'_>) -> Result<protocol::Answer, Failure> {
        self.call(call, Some(self.bearer()?))
    }

    fn call(
        &self,
        call: &Envelope<'_>,
        bearer: Option<HeaderValue>,
    ) -> Result<protocol::Answer, Failure> {
        let request = self.endpoint.call(call, &Headers { bearer, ..Headers::default() })?;
        let url = request.uri().to_string();
        let response = whole(answer(&url, self.agent.run(request))?)?;
        Ok(protocol::answer(&response)?)
    }

    fn send(&self, url: &Url, body: impl AsSendBody) -> Result<Response<Body>, Failure> {
        let request = self
            .agent
            .post(url.as_str())
            .header("authorization", self.bearer()?)
            .header("content-type", "application/json");
        answer(url.as_str(), request.send(body))
    }

    fn admin(&self, path: &str) -> Result<Url, Failure> {
        Ok(self.endpoint.at(&format!("_lunora/admin/{path}"))?)
    }

    /// Returns the admin token as a header.
    pub(crate) fn bearer(&self) -> Result<HeaderValue, Failure> {
        let token = self.token.as_ref().ok_or_else(|| {
            Failure::Usage(format!("set {} to the deployment's admin token", Self::TOKEN))
        })?;
        self.bearer_of(token)
    }

    /// Returns a token as a header. Over an unencrypted connection it is sent only to this machine.
    pub(crate) fn bearer_of(&self, token: &str) -> Result<HeaderValue, Failure> {
        Ok(self.endpoint.bearer(token)?)
    }
}

/// Returns the response if its status is a success.
fn answer(
    url: &str,
    result: Result<Response<Body>, ureq::Error>,
) -> Result<Response<Body>, Failure> {
    let response = result
        .map_err(|source| Failure::Unreachable { url: url.to_owned(), source: source.into() })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    // A body that breaks off says nothing; the status does.
    let text = body.into_with_config().read_to_vec().unwrap_or_default();
    Err(protocol::refusal(&Response::from_parts(parts, text)).into())
}

/// Reads the whole body of a response.
fn whole(response: Response<Body>) -> Result<Response<Vec<u8>>, Failure> {
    let (parts, body) = response.into_parts();
    let mut text = Vec::new();
    let mut body = body.into_with_config().limit(u64::MAX).reader();
    body.read_to_end(&mut text).map_err(Failure::BrokenOff)?;
    Ok(Response::from_parts(parts, text))
}

fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, Failure> {
    serde_json::from_slice(whole(response)?.body()).map_err(|error| unexpected(&error))
}

/// Reads a body of any size.
pub(crate) fn reader(response: Response<Body>) -> impl Read {
    response.into_body().into_with_config().limit(u64::MAX).reader()
}

fn to_json(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|error| Failure::Unexpected(error.to_string()))
}

fn unexpected(error: &impl std::fmt::Display) -> Failure {
    Failure::Unexpected(format!("the response did not come from a lunora deployment: {error}"))
}

/// Passes each piece that is read through it to `note`.
pub(crate) struct Counting<R, F> {
    inner: R,
    note: F,
}

impl<R: Read, F: FnMut(&[u8])> Counting<R, F> {
    pub(crate) fn new(inner: R, note: F) -> Self {
        Self { inner, note }
    }
}

impl<R: Read, F: FnMut(&[u8])> Read for Counting<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        (self.note)(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
