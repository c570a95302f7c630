//! One channel: a Durable Object with its messages in SQLite.

use std::cell::Cell;

use lunora::{DurableShardRegistry, prelude::*, to_error_response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use worker::{
    DurableObject, SqlStorage, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    WebSocketRequestResponsePair, durable_object,
};

/// The longest message, in characters.
const MAX_TEXT: usize = 2000;

#[durable_object(websocket)]
pub struct Room {
    state: State,
    sql: SqlStorage,
    env: Env,
    /// Whether the registry was told of this channel since the object woke.
    announced: Cell<bool>,
}

/// A message, as it is stored and as it travels.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    channel: String,
    id: u64,
    author: String,
    text: String,
    sent_at: u64,
}

impl Room {
    async fn answer(&self, mut request: Request) -> Result<Response, LunoraError> {
        if request.is_upgrade() {
            return self.open_socket();
        }
        match (request.method().as_str(), request.path()) {
            ("POST", "/rpc") => {
                let call = RpcEnvelope::from_slice(&request.bytes(1024 * 1024).await?)?;
                let args: Map<String, Value> = serde_json::from_str(call.args())
                    .map_err(|error| LunoraError::bad_request(error.to_string()))?;
                let result = match call.function_path() {
                    "messages:list" => self.list(&args)?,
                    "messages:send" => self.send(&args, &request).await?,
                    // What a query across channels asks for: the bare value, not a `result`.
                    "__lunora_relation__:messages" => return Response::json(&self.list(&args)?),
                    path => {
                        let message = format!("function not registered: {path}");
                        return Err(LunoraError::new(Code::FunctionNotFound, message));
                    }
                };
                Response::json(&json!({ "result": result }))
            }
            _ => Ok(Response::text("Not found").with_status(404)),
        }
    }

    /// The newest messages, oldest first.
    fn list(&self, args: &Map<String, Value>) -> Result<Value, LunoraError> {
        let limit = match args.get("limit") {
            None => 50,
            Some(limit) => limit
                .as_u64()
                .filter(|limit| (1..=200).contains(limit))
                .ok_or_else(|| invalid("limit", "an integer from 1 to 200", limit))?,
        };
        let mut newest: Vec<Message> = self
            .sql
            .exec(
                "SELECT ? AS channel, id, author, text, sent_at AS sentAt FROM messages ORDER BY id DESC LIMIT CAST(? AS INTEGER)",
                vec![
                    self.channel().into(),
                    i64::try_from(limit).unwrap_or(i64::MAX).into(),
                ],
            )?
            .to_array()?;
        newest.reverse();
        serde_json::to_value(newest).map_err(LunoraError::internal)
    }

    /// Stores a message, once for each mutation id of its author.
    async fn send(
        &self,
        args: &Map<String, Value>,
        request: &Request,
    ) -> Result<Value, LunoraError> {
        let text = args.get("text").unwrap_or(&Value::Null);
        let text = text
            .as_str()
            .filter(|text| !text.trim().is_empty() && text.chars().count() <= MAX_TEXT)
            .ok_or_else(|| invalid("text", "a string of 1 to 2000 characters", text))?;
        let author = author(request)?;
        self.announce().await?;
        let mutation = request.header("x-lunora-mutation-id");
        let stored: Vec<Message> = self
            .sql
            .exec(
                "INSERT INTO messages(author, text, sent_at, mutation_id) VALUES (?, ?, CAST(? AS INTEGER), ?)
                 ON CONFLICT(author, mutation_id) DO UPDATE SET author = author
                 RETURNING ? AS channel, id, author, text, sent_at AS sentAt",
                vec![
                    author.into(),
                    text.into(),
                    i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX).into(),
                    mutation.map(str::to_owned).into(),
                    self.channel().into(),
                ],
            )?
            .to_array()?;
        serde_json::to_value(stored.into_iter().next()).map_err(LunoraError::internal)
    }

    /// Tells the registry of this channel. Before the first message is stored, not after: a channel
    /// that is listed and empty does no harm, one with messages that is not listed would.
    async fn announce(&self) -> Result<(), LunoraError> {
        if self.announced.get() {
            return Ok(());
        }
        let registry = DurableShardRegistry::new(self.env.durable_object("SHARD_REGISTRY")?);
        registry.register("messages", &ShardKey::new(self.channel())?).await?;
        self.announced.set(true);
        Ok(())
    }

    /// The name of the channel, which is the object's.
    fn channel(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    fn open_socket(&self) -> Result<Response, LunoraError> {
        let pair = WebSocketPair::new()?;
        self.state.accept_web_socket(&pair.server);
        Ok(worker::Response::from_websocket(pair.client)?.into())
    }

    fn open(&self) -> worker::Result<()> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS messages(
                id INTEGER PRIMARY KEY,
                author TEXT NOT NULL,
                text TEXT NOT NULL,
                sent_at INTEGER NOT NULL,
                mutation_id TEXT,
                UNIQUE(author, mutation_id)
            )",
            None,
        )?;
        // A sleeping object is not woken to say that it is there.
        let keepalive = WebSocketRequestResponsePair::new("lunora-ping", "lunora-pong")?;
        self.state.set_websocket_auto_response(&keepalive);
        Ok(())
    }
}

/// Who sends: the id that the Worker minted. It lets nobody through without one.
fn author(request: &Request) -> Result<String, LunoraError> {
    Identity::from_headers(request.headers())
        .and_then(|identity| identity.user_id().map(str::to_owned))
        .ok_or_else(|| LunoraError::unauthorized("sign in to send a message"))
}

fn invalid(field: &str, expected: &str, received: &Value) -> LunoraError {
    let received: String = received.to_string().chars().take(80).collect();
    LunoraError::new(
        Code::ValidationError,
        format!("args.{field}: Expected {expected} at {field}, received {received}"),
    )
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        let room = Self { state, sql, env, announced: Cell::new(false) };
        if let Err(error) = room.open() {
            worker::console_error!("the room could not be opened: {error}");
        }
        room
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        let answer = match request.try_into() {
            Ok(request) => self.answer(request).await,
            Err(error) => Err(error),
        };
        let answer = answer.unwrap_or_else(|error: LunoraError| {
            if error.status().is_server_error() {
                worker::console_error!("{}", error.to_log_line());
            }
            to_error_response(&error)
        });
        answer.try_into()
    }

    async fn websocket_message(
        &self,
        socket: WebSocket,
        message: WebSocketIncomingMessage,
    ) -> worker::Result<()> {
        match message {
            WebSocketIncomingMessage::String(text) => socket.send_with_str(text),
            WebSocketIncomingMessage::Binary(bytes) => socket.send_with_bytes(bytes),
        }
    }

    async fn websocket_close(
        &self,
        socket: WebSocket,
        _code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> worker::Result<()> {
        // The peer may have gone without a word; then there is nobody to say goodbye to.
        let _ = socket.close::<&str>(Some(1000), None);
        Ok(())
    }

    async fn websocket_error(
        &self,
        _socket: WebSocket,
        error: worker::Error,
    ) -> worker::Result<()> {
        worker::console_error!("socket: {error}");
        Ok(())
    }
}
