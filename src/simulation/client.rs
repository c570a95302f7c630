//! A client of a simulated deployment.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    World,
    socket::{Socket, Upgraded},
};
use crate::message::{Request, Response};

/// A client of a [`World`]: it calls functions and opens sockets over a network that loses things.
#[derive(Clone)]
pub struct Client {
    world: World,
    headers: Vec<(String, String)>,
}

/// A request without an answer: whether it had an effect is unknown to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the request got no answer")]
pub struct Lost;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; a string if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Returns whether the call succeeded.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// Returns the result, if the call succeeded and it has this type.
    #[must_use]
    pub fn result<T: DeserializeOwned>(&self) -> Option<T> {
        self.is_ok().then(|| T::deserialize(&self.body["result"]).ok())?
    }

    /// Returns the code of the error; `""` without one.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Client {
    pub(super) fn new(world: World) -> Self {
        Self { world, headers: Vec::new() }
    }

    /// Sends a header with every request from now on, such as `authorization`.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls a function of a shard.
    ///
    /// # Errors
    /// [`Lost`] if no answer came; a refusal is an answer.
    pub async fn call(
        &self,
        shard: &str,
        path: &str,
        args: &impl Serialize,
    ) -> Result<Answer, Lost> {
        let body = json!({ "functionPath": path, "shardKey": shard, "args": args });
        self.post("/_lunora/rpc", &body).await
    }

    /// Posts JSON to a path of the Worker.
    ///
    /// # Errors
    /// [`Lost`] if no answer came.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Lost> {
        let request = Request::post(format!("https://app.example.com{path}"), body.to_string());
        self.ask(request.with_header("content-type", "application/json")).await
    }

    /// Sends a request to the Worker, and reads the answer.
    ///
    /// # Errors
    /// [`Lost`] if no answer came.
    pub async fn ask(&self, request: Request) -> Result<Answer, Lost> {
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let bytes = response.into_parts().1.into_bytes(usize::MAX).await.map_err(|_| Lost)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// Sends a request to the Worker.
    ///
    /// # Errors
    /// [`Lost`] if no answer came.
    pub async fn send(&self, mut request: Request) -> Result<Response, Lost> {
        for (name, value) in &self.headers {
            request = request.with_header(name, value);
        }
        self.world.inner.request(request).await
    }

    /// Opens a socket to a shard.
    ///
    /// # Errors
    /// [`Lost`] if no answer came, or if the upgrade was refused.
    pub async fn connect(&self, shard: &str) -> Result<Socket, Lost> {
        let shard: String = form_urlencoded::byte_serialize(shard.as_bytes()).collect();
        let url = format!("https://app.example.com/_lunora/ws?shard={shard}");
        let request = Request::get(url).with_header("upgrade", "websocket");
        let response = self.send(request).await?;
        let at = response.extensions().get::<Upgraded>().cloned().ok_or(Lost)?;
        let inner = &self.world.inner;
        let server = inner.node(&at.binding, &at.key).and_then(|node| node.socket(&at.id));
        Ok(Socket::new(self.world.clone(), at, &server.ok_or(Lost)?))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
