//! The deployment, over HTTP.

use std::{
    env,
    io::{self, Read},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use ureq::{
    Agent, AsSendBody, Body, SendBody,
    http::{Method, Request, Response},
};
use url::{Host, Url};

use crate::failure::Failure;

/// A deployment, and the token of its operator.
pub(crate) struct Client {
    agent: Agent,
    base: Url,
    token: Option<String>,
}

impl Client {
    /// The variable that holds the admin token.
    const TOKEN: &'static str = "LUNORA_ADMIN_TOKEN";

    pub(crate) fn new(url: &str, timeout_seconds: u64) -> Result<Self, Failure> {
        let base = Url::parse(url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host())
            .ok_or_else(|| {
                Failure::Usage(format!("invalid deployment URL `{url}`: expected https://<host>"))
            })?;
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(Failure::Usage(format!(
                "`{url}` has a path: expected the origin of a deployment, such as {}",
                base.origin().ascii_serialization()
            )));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(timeout_seconds)))
            .user_agent(concat!("lunora-cli/", env!("CARGO_PKG_VERSION")))
            .build();
        let token = Self::token()?;
        Ok(Self { agent: config.into(), base, token })
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
        self.base.as_str()
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
        read(answer(&url, request.call())?)
    }

    /// Calls an admin endpoint.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        read(self.post_for_stream(path, body)?)
    }

    /// Calls an admin endpoint whose answer may be of any size.
    pub(crate) fn post_for_stream(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Body>, Failure> {
        self.send(path, to_json(body)?.as_slice())
    }

    /// Calls an admin endpoint with a body of any size.
    pub(crate) fn post_stream<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &mut dyn Read,
    ) -> Result<T, Failure> {
        let mut body = body;
        read(self.send(path, SendBody::from_reader(&mut body))?)
    }

    /// Calls a function as a client does. The admin token is not sent.
    pub(crate) fn rpc<T: DeserializeOwned>(
        &self,
        call: &impl Serialize,
        token: Option<&str>,
    ) -> Result<T, Failure> {
        let bearer = token.map(|token| self.bearer_of(token)).transpose()?;
        self.post_rpc(call, bearer)
    }

    /// Calls an operation of a shard, with the admin token.
    pub(crate) fn operate<T: DeserializeOwned>(&self, call: &impl Serialize) -> Result<T, Failure> {
        self.post_rpc(call, Some(self.bearer()?))
    }

    fn post_rpc<T: DeserializeOwned>(
        &self,
        call: &impl Serialize,
        bearer: Option<String>,
    ) -> Result<T, Failure> {
        let url = self.at("_lunora/rpc")?;
        let mut request = self.agent.post(url.as_str());
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        let request = request.header("content-type", "application/json");
        read(answer(&url, request.send(to_json(call)?.as_slice()))?)
    }

    fn send(&self, path: &str, body: impl AsSendBody) -> Result<Response<Body>, Failure> {
        let url = self.admin(path)?;
        let request = self
            .agent
            .post(url.as_str())
            .header("authorization", self.bearer()?)
            .header("content-type", "application/json");
        answer(&url, request.send(body))
    }

    fn admin(&self, path: &str) -> Result<Url, Failure> {
        self.at(&format!("_lunora/admin/{path}"))
    }

    /// Returns the URL of a path of the deployment.
    fn at(&self, path: &str) -> Result<Url, Failure> {
        self.base
            .join(&format!("/{path}"))
            .map_err(|error| Failure::Usage(format!("{}: {error}", self.base)))
    }

    /// Returns the admin token as a header.
    pub(crate) fn bearer(&self) -> Result<String, Failure> {
        let token = self.token.as_ref().ok_or_else(|| {
            Failure::Usage(format!("set {} to the deployment's admin token", Self::TOKEN))
        })?;
        self.bearer_of(token)
    }

    /// Returns a token as a header. Over an unencrypted connection it is sent only to this machine.
    pub(crate) fn bearer_of(&self, token: &str) -> Result<String, Failure> {
        if self.base.scheme() == "http" && !is_loopback(&self.base) {
            return Err(Failure::Usage(format!(
                "a token is not sent to {} unencrypted: use https",
                self.base
            )));
        }
        Ok(format!("Bearer {token}"))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the response if its status is a success.
fn answer(
    url: &Url,
    result: Result<Response<Body>, ureq::Error>,
) -> Result<Response<Body>, Failure> {
    let response = result
        .map_err(|source| Failure::Unreachable { url: url.to_string(), source: source.into() })?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(response)) }
}

/// Reads the error of a deployment: `{"error":{"code","message","hint"?}}`.
fn refusal(response: Response<Body>) -> Failure {
    #[derive(Deserialize)]
    struct Refusal {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
        message: String,
        hint: Option<Hint>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Hint {
        Text(String),
        Parts { title: String },
    }

    let status = response.status();
    let text = response.into_body().read_to_string().unwrap_or_default();
    match serde_json::from_str(&text) {
        Ok(Refusal { error: Inner { code, message, hint } }) => {
            let hint = hint.map(|hint| match hint {
                Hint::Text(text) | Hint::Parts { title: text } => text,
            });
            Failure::Refused { code, message, hint }
        }
        Err(_) => {
            let text: String = text.trim().chars().take(200).collect();
            Failure::Unexpected(format!("unexpected response {status}: {text}"))
        }
    }
}

fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T, Failure> {
    let mut text = Vec::new();
    reader(response).read_to_end(&mut text).map_err(Failure::BrokenOff)?;
    serde_json::from_slice(&text).map_err(|error| unexpected(&error))
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
