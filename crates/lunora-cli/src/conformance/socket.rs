//! A live connection, whose every wait ends at the deadline of its case.

use std::{
    fmt::Display,
    net::{Shutdown, TcpStream, ToSocketAddrs},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Instant,
};

use serde_json::{Value, json};
use tungstenite::{
    Error, Message, WebSocket,
    handshake::HandshakeError,
    http::{HeaderName, HeaderValue},
    stream::MaybeTlsStream,
};
use url::Url;

use super::{
    case::{Checked, Mismatch},
    engine::Run,
    target::Function,
};

pub(crate) const WS: &str = "/_lunora/ws";

/// A frame whose error separates the answers of the frames before it from those after it.
pub(crate) const MALFORMED: &str = "not a frame";

pub(crate) struct Socket {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    /// The connection below, whose timeouts bound every wait.
    connection: TcpStream,
    deadline: Instant,
    /// What was sent last, for the report.
    sent: String,
    _watch: Watch,
}

/// Ends a connection at the deadline, however slowly the other side sends; a read timeout counts from the
/// last byte.
struct Watch(#[expect(dead_code, reason = "its end stops the thread")] Sender<()>);

impl Watch {
    fn over(connection: TcpStream, deadline: Instant) -> Self {
        let (open, closed) = mpsc::channel::<()>();
        thread::spawn(move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if closed.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        });
        Self(open)
    }
}

impl Socket {
    /// Opens a live connection of the user to the shard of the command line.
    pub(crate) fn open(run: &Run<'_>) -> Result<Self, Mismatch> {
        Self::open_with(run, &[])
    }

    pub(crate) fn open_with(run: &Run<'_>, headers: &[(&str, &str)]) -> Result<Self, Mismatch> {
        let shown = format!("GET {WS} with an upgrade to WebSocket");
        let lost = |error: &dyn Display| Mismatch {
            request: shown.clone(),
            expected: "an open connection".to_owned(),
            got: error.to_string(),
        };
        let mut url = Url::parse(&run.target.url(WS)).map_err(|error| lost(&error))?;
        if let Some(shard) = &run.target.shard {
            url.query_pairs_mut().append_pair("shard", shard);
        }
        let bearer = run.target.user().unwrap_or_default();
        if let Some(token) = bearer.strip_prefix("Bearer ") {
            url.query_pairs_mut().append_pair("token", token);
        }
        let connection = connect(&url, run).map_err(|error| lost(&error))?;
        let clone = || connection.try_clone().map_err(|error| lost(&error));
        let (bounded, watched) = (clone()?, clone()?);
        let watch = Watch::over(watched, run.deadline());
        let request = request(&url, headers).map_err(|error| lost(&error))?;
        match tungstenite::client_tls(request, connection) {
            Ok((socket, _)) => {
                let deadline = run.deadline();
                Ok(Self { socket, connection: bounded, deadline, sent: shown, _watch: watch })
            }
            Err(HandshakeError::Failure(Error::Http(response))) => {
                let (parts, body) = response.into_parts();
                let body = body.unwrap_or_default();
                let body = String::from_utf8_lossy(&body);
                Err(lost(&format!("status {}\n{body}", parts.status.as_u16())))
            }
            Err(HandshakeError::Failure(error)) => Err(lost(&error)),
            Err(HandshakeError::Interrupted(_)) => Err(lost(&"no answer in time")),
        }
    }

    /// Sends a text frame.
    pub(crate) fn say(&mut self, frame: impl Display) -> Checked {
        self.sent = frame.to_string();
        let sent = self.socket.send(Message::text(self.sent.clone()));
        sent.map_err(|error| self.mismatch("an open connection", &error))
    }

    /// Subscribes to a function.
    pub(crate) fn subscribe(&mut self, id: &str, function: &Function, resume: &Value) -> Checked {
        let mut query = json!({ "functionPath": function.path, "args": function.args });
        if let (Some(query), Some(resume)) = (query.as_object_mut(), resume.as_object()) {
            query.extend(resume.clone());
        }
        self.say(json!({ "type": "subscribe", "id": id, "query": query }))
    }

    /// Subscribes, and returns the first frame after the acknowledgement.
    pub(crate) fn first(
        &mut self,
        id: &str,
        function: &Function,
        resume: &Value,
    ) -> Result<Value, Mismatch> {
        self.subscribe(id, function, resume)?;
        self.expect("an `ack` of the subscription", |frame| is(frame, "ack", id))?;
        self.next("a frame after the acknowledgement")
    }

    /// Returns the next frame; a text that is not JSON as a string.
    pub(crate) fn next(&mut self, expected: &str) -> Result<Value, Mismatch> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.mismatch(expected, &"no frame in time"));
            }
            let bounded = self.connection.set_read_timeout(Some(left));
            bounded.map_err(|error| self.mismatch(expected, &error))?;
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let text = text.as_str();
                    return Ok(serde_json::from_str(text).unwrap_or_else(|_| json!(text)));
                }
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(1005, |frame| u16::from(frame.code));
                    return Err(self.mismatch(expected, &format!("a close with code {code}")));
                }
                Ok(Message::Binary(_)) => {
                    return Err(self.mismatch(expected, &"a binary frame"));
                }
                Ok(_) => {}
                Err(_) if Instant::now() >= self.deadline => {}
                Err(Error::Io(error)) if timed_out(&error) => {}
                Err(error) => return Err(self.mismatch(expected, &error)),
            }
        }
    }

    /// Returns the next frame, which must be the expected one.
    pub(crate) fn expect(
        &mut self,
        expected: &str,
        holds: impl FnOnce(&Value) -> bool,
    ) -> Result<Value, Mismatch> {
        let frame = self.next(expected)?;
        if holds(&frame) { Ok(frame) } else { Err(self.mismatch(expected, &frame)) }
    }

    /// Returns the first frame that is the expected one, and passes the others over.
    pub(crate) fn find(
        &mut self,
        expected: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, Mismatch> {
        loop {
            let frame = self.next(expected)?;
            if holds(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Waits until every frame that was sent is dealt with: frames of one socket are answered in order.
    pub(crate) fn settle(&mut self) -> Checked {
        let sent = std::mem::take(&mut self.sent);
        self.say(MALFORMED)?;
        self.find("an error for a malformed frame", |frame| of_type(frame, "error"))?;
        self.sent = sent;
        Ok(())
    }

    /// Expects something to hold for a frame.
    pub(crate) fn require(&self, holds: bool, expected: &str, frame: &Value) -> Checked {
        if holds { Ok(()) } else { Err(self.mismatch(expected, frame)) }
    }

    pub(crate) fn mismatch(&self, expected: &str, got: &dyn Display) -> Mismatch {
        Mismatch { request: self.sent.clone(), expected: expected.to_owned(), got: got.to_string() }
    }
}

pub(crate) fn of_type(frame: &Value, kind: &str) -> bool {
    frame.get("type").and_then(Value::as_str) == Some(kind)
}

/// Tells whether a frame is of a type and of a subscription.
pub(crate) fn is(frame: &Value, kind: &str, id: &str) -> bool {
    of_type(frame, kind) && of(frame, id)
}

pub(crate) fn of(frame: &Value, id: &str) -> bool {
    frame.get("id").and_then(Value::as_str) == Some(id)
}

/// Connects to the first address that accepts.
fn connect(url: &Url, run: &Run<'_>) -> std::io::Result<TcpStream> {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let mut failure = std::io::Error::other("the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, run.left()) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(run.left()))?;
                stream.set_write_timeout(Some(run.left()))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn request(url: &Url, headers: &[(&str, &str)]) -> Result<tungstenite::http::Request<()>, Error> {
    use tungstenite::client::IntoClientRequest;

    // `http` becomes `ws`, and `https` becomes `wss`.
    let text = url.as_str().replacen("http", "ws", 1);
    let mut request = text.into_client_request()?;
    for (name, value) in headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(tungstenite::http::Error::from)?;
        let value = HeaderValue::from_str(value).map_err(tungstenite::http::Error::from)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

fn timed_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
