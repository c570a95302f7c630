//! The input of the handlers of the plane.

use futures::future::LocalBoxFuture;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use super::{AdminArea, AdminHost, Plane};
use crate::{
    backup::{Backups, KnownShards},
    coordinator::ShardAdmin,
    errors::{Code, LunoraError},
    message::Request,
    wire::{AdminToken, ShardKey, envelope::shard_body, paths},
};

/// A request that passed the gate, and everything needed to answer it.
pub(crate) struct AdminCall<'a> {
    /// The request, with its body unread.
    pub(crate) request: Request,
    /// The largest body that the route accepts, in bytes.
    pub(crate) max_body: usize,
    /// The plane's configuration of the deployment.
    pub(crate) plane: &'a Plane,
    /// The Worker around the plane: shards, coordinator, clock, environment.
    pub(crate) host: &'a dyn AdminHost,
    /// The admin token, for the hop to a shard; absent if the deployment has none.
    pub(crate) token: Option<&'a AdminToken>,
}

impl AdminCall<'_> {
    /// Returns the method.
    pub(crate) fn method(&self) -> &Method {
        self.request.method()
    }

    /// Returns the path below `/_lunora/admin/`; the whole path for a route outside it.
    pub(crate) fn op(&self) -> &str {
        let path = self.request.path();
        path.strip_prefix(paths::ADMIN).unwrap_or(path)
    }

    /// Returns a query parameter; an empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.request.query(name).filter(|value| !value.is_empty())
    }

    /// Returns a required query parameter.
    pub(crate) fn require_query(&self, name: &str) -> Result<String, LunoraError> {
        self.query(name).ok_or_else(|| {
            LunoraError::bad_request(format!("the query parameter `{name}` is required"))
        })
    }

    /// Returns a query parameter that is a whole number; `None` if absent.
    pub(crate) fn query_number(&self, name: &str) -> Result<Option<u64>, LunoraError> {
        self.query(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    LunoraError::bad_request(format!(
                        "the query parameter `{name}` must be a whole number"
                    ))
                })
            })
            .transpose()
    }

    /// Returns the size of a page, `limit`: at least 1; a larger one than 1000 counts as 1000.
    pub(crate) fn query_limit(&self) -> Result<Option<u16>, LunoraError> {
        match self.query_number("limit")? {
            Some(0) => Err(LunoraError::bad_request("`limit` must be positive")),
            limit => Ok(limit.map(|limit| u16::try_from(limit.min(1000)).unwrap_or(1000))),
        }
    }

    /// Reads the body as a JSON object; `label` names it in errors. An empty body reads as `{}`.
    pub(crate) async fn body<T: DeserializeOwned>(
        &mut self,
        label: &str,
    ) -> Result<T, LunoraError> {
        let bytes = self.request.bytes(self.max_body).await?;
        read_object(&bytes, label)
    }

    /// Works like [`body`](Self::body), but an empty body is an empty object.
    pub(crate) async fn optional_body<T: DeserializeOwned + Default>(
        &mut self,
        label: &str,
    ) -> Result<T, LunoraError> {
        let bytes = self.request.bytes(self.max_body).await?;
        if bytes.is_empty() { Ok(T::default()) } else { read_object(&bytes, label) }
    }

    /// Returns the headers of a call to a shard: the admin bearer, without the caller's own.
    ///
    /// A caller admitted by the deployment's own gate has no bearer that a shard would accept, and
    /// gets the token for this hop only.
    pub(crate) fn shard_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = self.token {
            token.authorize(&mut headers);
        }
        headers
    }

    /// Returns the admin operations of all shards.
    pub(crate) fn shard_admin(&self) -> Result<ShardAdmin, LunoraError> {
        self.host.shard_admin(self.require_token()?).ok_or_else(|| {
            LunoraError::bad_request(
                "this deployment cannot list its shards: call `.query_coordinator(..)` on the builder",
            )
        })
    }

    /// Returns the shards that snapshots name; `None` if the deployment has no backup.
    pub(crate) fn known_shards(
        &self,
    ) -> Option<LocalBoxFuture<'_, Result<KnownShards, LunoraError>>> {
        self.plane.area(AdminArea::Backups)?.known_shards(self.host, self.token?)
    }

    /// Returns the snapshots.
    pub(crate) fn backups(&self) -> Result<Backups, LunoraError> {
        self.host.backups(self.require_token()?).ok_or_else(|| {
            LunoraError::new(
                Code::BackupNotConfigured,
                "this deployment has no backup: call `.backup(..)` on the builder",
            )
        })
    }

    fn require_token(&self) -> Result<&AdminToken, LunoraError> {
        self.token.ok_or_else(|| {
            LunoraError::new(
                Code::AdminTokenNotConfigured,
                "shards require the admin token, and none is configured: set LUNORA_ADMIN_TOKEN",
            )
        })
    }

    /// Calls an admin operation on one shard: `op` without its prefix, `args` as the JSON text of
    /// an object. Returns the shard's response unread.
    pub(crate) async fn ask_shard(
        &self,
        key: ShardKey,
        op: &str,
        args: &str,
    ) -> Result<crate::message::Response, LunoraError> {
        let body = shard_body(&[paths::ADMIN_PREFIX, op].concat(), args);
        let mut request = Request::post(paths::SHARD_RPC, body);
        *request.headers_mut() = self.shard_headers();
        let shard = self.host.shard(key);
        Ok(self.host.deadline().run("the shard", shard.fetch(request)).await??)
    }
}

/// Reads a JSON object, or fails with the plane's own messages.
pub(crate) fn read_object<T: DeserializeOwned>(
    bytes: &[u8],
    label: &str,
) -> Result<T, LunoraError> {
    let json = match bytes.trim_ascii() {
        [] => b"{}",
        json => json,
    };
    let read = serde_json::from_slice(json);
    // Serde accepts a list for a struct, field by field.
    if json.first() != Some(&b'{') && !matches!(&read, Err(error) if !error.is_data()) {
        return Err(LunoraError::bad_request("Request body must be an object"));
    }
    read.map_err(|error| {
        LunoraError::bad_request(if error.is_data() {
            format!("{label} body is not as expected: {error}")
        } else {
            format!("{label} body must be valid JSON")
        })
    })
}
