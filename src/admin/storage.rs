//! `storage*`: the objects of the application's buckets.

#[cfg(feature = "presign")]
mod presign;
mod signing;

use std::{fmt, rc::Rc, time::Duration};

use futures::future::LocalBoxFuture;
use headers::{CacheControl, ContentLength};
use http::{Method, header};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

#[cfg(feature = "presign")]
pub use self::presign::Presigner;
pub use self::signing::UrlRequest;
use self::signing::{SignerFn, UrlSigner};
use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
    platform::{
        ListOptions, ObjectInfo, ObjectMetadata, ObjectStore, PutOptions, StoreError, StoredObject,
    },
    wire::iso::to_iso,
};

/// The longest validity of a signed URL.
const MAX_SIGNED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The buckets that operators may browse, and the signer of URLs to their objects.
///
/// ```
/// use lunora::{operate::Storage, testing::MemoryObjectStore};
///
/// let storage = Storage::new("FILES", MemoryObjectStore::new())
///     .bucket("ARCHIVE", MemoryObjectStore::new())
///     .signer(async |request| {
///         Ok::<_, std::fmt::Error>(format!("https://files.example.com/{}?signed", request.key))
///     });
/// # let _ = storage;
/// ```
pub struct Storage {
    /// The buckets by name; the first is the default.
    buckets: Vec<(String, Rc<dyn ObjectStore>)>,
    signer: Option<Box<dyn UrlSigner>>,
}

impl Storage {
    /// Creates a storage with one bucket, which is the default for requests that name none.
    pub fn new(name: impl Into<String>, store: impl ObjectStore) -> Self {
        Self { buckets: vec![(name.into(), Rc::new(store))], signer: None }
    }

    /// Adds a bucket.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>, store: impl ObjectStore) -> Self {
        self.buckets.push((name.into(), Rc::new(store)));
        self
    }

    /// Sets the signer of URLs, such as presigned ones of R2's S3 interface. By default no URLs are
    /// signed.
    #[must_use]
    pub fn signer<F, E>(mut self, sign: F) -> Self
    where
        F: AsyncFn(&UrlRequest) -> Result<String, E> + 'static,
        E: Into<Box<dyn std::error::Error>> + 'static,
    {
        self.signer = Some(Box::new(SignerFn::new(sign)));
        self
    }

    /// Presigns URLs of R2's S3 interface with a key pair of the environment. Requires the feature
    /// `presign`.
    #[cfg(feature = "presign")]
    #[must_use]
    pub fn presigned(mut self, presigner: Presigner) -> Self {
        self.signer = Some(Box::new(presigner));
        self
    }

    /// Returns the names of the buckets.
    pub(crate) fn names(&self) -> Vec<String> {
        self.buckets.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Returns the bucket that a request names, or the first if it names none; an unknown name
    /// never selects the first.
    fn of(&self, call: &AdminCall<'_>) -> Result<&(String, Rc<dyn ObjectStore>), LunoraError> {
        let Some(name) = call.query("bucket") else {
            return self.buckets.first().ok_or_else(|| unhandled(call));
        };
        self.buckets.iter().find(|(known, _)| *known == name).ok_or_else(|| {
            LunoraError::new(Code::NotFound, format!("there is no storage bucket `{name}`"))
        })
    }

    async fn list(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Page {
            objects: Vec<Listed>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cursor: Option<String>,
        }

        let (_, store) = self.of(call)?;
        let mut options = ListOptions::of(call.query("prefix").unwrap_or_default());
        if let Some(cursor) = call.query("cursor") {
            options = options.with_cursor(cursor);
        }
        if let Some(limit) = call.query_limit()? {
            options = options.with_limit(limit);
        }
        let page = store.list(options).await.map_err(refusal)?;
        let objects = page.objects.into_iter().map(Listed).collect();
        Response::json(&Page { objects, cursor: page.cursor })
    }

    /// Writes an object, after its bytes were checked against what the caller declares.
    async fn upload(&self, call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Written<'a> {
            etag: String,
            key: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            sha256: Option<Hex>,
        }

        let key = call.require_query("key")?;
        // Makes all other checks before it reads a body of this size.
        let store = self.of(call)?.1.clone();
        let size = call.query_number("expectedSize")?;
        let digest = call.query("expectedSha256").map(|hex| read_sha256(&hex)).transpose()?;
        let content_type = call.request.header("content-type").map(str::to_owned);

        let bytes = call.request.bytes(call.max_body).await?;
        let actual: [u8; 32] = Sha256::digest(&bytes).into();
        if size.is_some_and(|size| size != bytes.len() as u64)
            || digest.is_some_and(|digest| digest != actual)
        {
            return Err(LunoraError::new(
                Code::StorageChecksumMismatch,
                "the body does not match the declared size or checksum; nothing was written",
            ));
        }
        let mut metadata = ObjectMetadata::new();
        if let Some(content_type) = content_type {
            metadata = metadata.with_content_type(content_type);
        }
        let options = PutOptions::new().with_metadata(metadata).with_sha256(actual);
        let written = store.put(&key, bytes, options).await.map_err(refusal)?;
        let verified = size.is_some() || digest.is_some();
        Response::json(&Written {
            etag: written.etag,
            key: &key,
            sha256: verified.then_some(Hex(actual)),
        })
    }

    async fn delete(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Deleted {
            deleted: bool,
            key: String,
        }

        let key = call.require_query("key")?;
        let (_, store) = self.of(call)?;
        store.delete(std::slice::from_ref(&key)).await.map_err(refusal)?;
        Response::json(&Deleted { deleted: true, key })
    }

    /// Returns an object's bytes; if no bucket is named, also those of a snapshot.
    async fn download(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        let key = call.require_query("key")?;
        let (_, store) = self.of(call)?;
        match store.get(&key).await.map_err(refusal)? {
            Some(object) => Ok(attachment(object)),
            None if call.query("bucket").is_none() => snapshot(call, &key).await,
            None => Err(missing(&key)),
        }
    }

    async fn sign(&self, call: &AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Signed<'a> {
            key: &'a str,
            url: String,
        }

        let Some(signer) = &self.signer else {
            return Err(LunoraError::new(
                Code::StorageUrlNotConfigured,
                "this deployment cannot sign URLs: call `.signer(..)` on its storage",
            ));
        };
        let key = call.require_query("key")?;
        let (bucket, _) = self.of(call)?;
        let method = match call.query("method").as_deref() {
            None | Some("GET") => Method::GET,
            Some("PUT") => Method::PUT,
            Some(_) => return Err(LunoraError::bad_request("`method` must be GET or PUT")),
        };
        let expires_in = call.query_number("expiresIn")?.filter(|seconds| *seconds > 0);
        let uri = call.request.uri();
        let request = UrlRequest {
            bucket: bucket.clone(),
            key,
            method,
            expires_in: expires_in.map(|seconds| Duration::from_secs(seconds).min(MAX_SIGNED)),
            content_type: call.query("contentType"),
            origin: format!(
                "{}://{}",
                uri.scheme_str().unwrap_or("https"),
                uri.authority().map_or("", |authority| authority.as_str())
            ),
            now_ms: call.host.clock().now_ms(),
        };
        let url = signer.sign(&request).await?;
        Response::json(&Signed { key: &request.key, url })
    }
}

impl AreaHandler for Storage {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match (call.op(), call.method()) {
                ("storage", &Method::GET) => self.list(&call).await,
                ("storage", &Method::DELETE) => self.delete(&call).await,
                ("storage", _) => self.upload(&mut call).await,
                ("storage/object", _) => self.download(&call).await,
                ("storage/url", _) => self.sign(&call).await,
                ("storage/buckets", _) => buckets(&self.names()),
                _ => Err(unhandled(&call)),
            }
        })
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("buckets", &self.names()).finish_non_exhaustive()
    }
}

/// Returns the objects of snapshots.
pub(super) async fn snapshots(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    struct Page {
        objects: Vec<Listed>,
    }

    let files = call.backups()?.files(&call.query("prefix").unwrap_or_default()).await?;
    Response::json(&Page { objects: files.into_iter().map(Listed).collect() })
}

/// Returns an object of a snapshot.
pub(super) async fn snapshot(call: &AdminCall<'_>, key: &str) -> Result<Response, LunoraError> {
    let found = match call.backups() {
        Ok(backups) => backups.file(key).await?,
        Err(_) => None,
    };
    found.map(attachment).ok_or_else(|| missing(key))
}

/// Returns an object's bytes as they are read: always as a download, never as a page, whatever its
/// stored type.
fn attachment(object: StoredObject) -> Response {
    let content_type = object.info.metadata.content_type;
    Response::body(object.body)
        .with_header("content-type", "application/octet-stream")
        // Replaces the line above if the value is a valid header value.
        .with_header("content-type", content_type.as_deref().unwrap_or("application/octet-stream"))
        .with_typed(ContentLength(object.info.size))
        .with_header("content-disposition", "attachment")
        .with_header(header::X_CONTENT_TYPE_OPTIONS.as_str(), "nosniff")
        .with_typed(CacheControl::new().with_no_store())
}

fn missing(key: &str) -> LunoraError {
    LunoraError::new(Code::StorageObjectNotFound, format!("there is no object `{key}`"))
}

/// Responds with `{"buckets":[…]}`.
pub(super) fn buckets(names: &[String]) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    struct Buckets<'a> {
        buckets: &'a [String],
    }

    Response::json(&Buckets { buckets: names })
}

/// An object in a list.
struct Listed(ObjectInfo);

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let info = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &info.key)?;
        map.serialize_entry("size", &info.size)?;
        map.serialize_entry("etag", &info.etag)?;
        map.serialize_entry(
            "uploaded",
            &to_iso(i64::try_from(info.uploaded_ms).unwrap_or_default()),
        )?;
        if let Some(sha256) = info.sha256 {
            map.serialize_entry("sha256", &Hex(sha256))?;
        }
        if let Some(content_type) = &info.metadata.content_type {
            map.serialize_entry("contentType", content_type)?;
        }
        if !info.metadata.custom.is_empty() {
            map.serialize_entry("customMetadata", &info.metadata.custom)?;
        }
        map.end()
    }
}

/// A digest, written in hexadecimal digits.
struct Hex([u8; 32]);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use fmt::Write;

        let mut text = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }
}

fn read_sha256(hex: &str) -> Result<[u8; 32], LunoraError> {
    let malformed = || {
        LunoraError::new(
            Code::StorageChecksumMismatch,
            "invalid `expectedSha256`: expected 64 hexadecimal digits; nothing was written",
        )
    };
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        let digits = hex.get(at * 2..at * 2 + 2).ok_or_else(malformed)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| malformed())?;
    }
    Ok(digest)
}

/// Returns the error that an operator sees if a store refuses.
fn refusal(error: StoreError) -> LunoraError {
    let code = match &error {
        StoreError::InvalidKey { .. } | StoreError::MetadataTooLarge { .. } => Code::BadRequest,
        StoreError::ChecksumMismatch { .. } => Code::StorageChecksumMismatch,
        _ => return LunoraError::internal(error),
    };
    LunoraError::new(code, error.to_string())
}
