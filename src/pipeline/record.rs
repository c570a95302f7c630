//! The record of a request: one structured line of a log, or what an application's sink receives.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use serde::Serialize;

use crate::{errors::LunoraError, log, message::Request, wire::paths};

/// What a request was and how it ended, for an operator's log.
///
/// It never holds arguments, bodies, tokens, query strings or shard keys.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// The kind of the request, by its endpoint.
    pub kind: RequestKind,
    /// The path of the function of a call or a query across shards, cut to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_path: Option<String>,
    /// The number of shards that a call, a batch or an upgrade named, or that answered a query
    /// across shards.
    pub shard_keys: usize,
    /// The status of the response.
    pub status: u16,
    /// The code of an error that the Worker answered. The error of a shard passes unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The outcome, by the status.
    pub outcome: RequestOutcome,
    /// The time until the response began, in milliseconds. On Cloudflare the clock stands still
    /// between two I/O operations.
    pub duration_ms: u64,
    /// The id of the trace: 32 hexadecimal digits.
    pub trace_id: String,
    /// The id of the Worker's span, the parent of every call to a shard: 16 hexadecimal digits.
    pub span_id: String,
}

impl RequestRecord {
    /// Returns the record as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The kind of a request, by its endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RequestKind {
    /// A preflight of CORS.
    Preflight,
    /// One call: `POST /_lunora/rpc`.
    Rpc,
    /// A query across shards, by the same endpoint.
    FanOut,
    /// Several calls: `POST /_lunora/rpc-batch`.
    Batch,
    /// A live connection: `GET /_lunora/ws`.
    Upgrade,
    /// `GET /_lunora/status`.
    Status,
    /// Another reserved path: the admin plane, health, the scheduler, or a 404.
    Admin,
    /// A path that is not reserved: a route of the application, or a 404.
    Route,
    /// A path that only the router behind the routes answers.
    Fallback,
}

/// How a request ended, by the status of its response.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RequestOutcome {
    /// A status below 400.
    Success,
    /// A 4xx: the fault of the caller.
    Refused,
    /// A 5xx: the fault of the server.
    Failed,
}

/// A sink of records without the type of its closure.
pub(crate) trait RequestSink {
    fn receive(self: Rc<Self>, record: RequestRecord) -> LocalBoxFuture<'static, ()>;
}

impl<F: AsyncFn(RequestRecord) + 'static> RequestSink for F {
    fn receive(self: Rc<Self>, record: RequestRecord) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move { self(record).await })
    }
}

/// Writes a record to the log. It is chosen only by the setting, so that other Workers do not link
/// it.
pub(crate) fn log_request(record: &RequestRecord) {
    log::info(&record.to_json());
}

/// What is known of a request while it is answered.
pub(super) struct Facts {
    started_ms: u64,
    method: String,
    kind: RequestKind,
    function_path: Option<String>,
    shard_keys: usize,
    code: Option<String>,
}

impl Facts {
    const MAX_PATH: usize = 256;

    pub(super) fn begin(request: &Request, is_preflight: bool, started_ms: u64) -> Self {
        let kind = match request.path() {
            _ if is_preflight => RequestKind::Preflight,
            paths::RPC => RequestKind::Rpc,
            paths::RPC_BATCH => RequestKind::Batch,
            paths::WS => RequestKind::Upgrade,
            paths::STATUS => RequestKind::Status,
            path if paths::is_reserved(path.as_bytes()) => RequestKind::Admin,
            _ => RequestKind::Route,
        };
        Self {
            started_ms,
            method: request.method().as_str().to_owned(),
            kind,
            function_path: None,
            shard_keys: 0,
            code: None,
        }
    }

    pub(super) fn set_kind(&mut self, kind: RequestKind) {
        self.kind = kind;
    }

    pub(super) fn set_function(&mut self, path: &str) {
        self.function_path = Some(path.chars().take(Self::MAX_PATH).collect());
    }

    pub(super) fn set_shard_keys(&mut self, count: usize) {
        self.shard_keys = count;
    }

    pub(super) fn set_error(&mut self, error: &LunoraError) {
        self.code = Some(error.code().to_owned());
    }

    /// Ends the record with the status of the response and the ids of the trace and the span.
    pub(super) fn finish(
        &self,
        status: u16,
        now_ms: u64,
        (trace_id, span_id): (&str, &str),
    ) -> RequestRecord {
        RequestRecord {
            method: self.method.clone(),
            kind: self.kind,
            function_path: self.function_path.clone(),
            shard_keys: self.shard_keys,
            status,
            code: self.code.clone(),
            outcome: match status {
                ..400 => RequestOutcome::Success,
                400..500 => RequestOutcome::Refused,
                _ => RequestOutcome::Failed,
            },
            duration_ms: now_ms.saturating_sub(self.started_ms),
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
        }
    }
}
