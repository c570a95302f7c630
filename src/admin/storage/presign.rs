//! Presigned URLs of R2's S3 interface.

use std::{fmt, time::Duration};

use futures::future::{LocalBoxFuture, ready};
use http::{HeaderValue, Method, Uri};
use jiff::Timestamp;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::{MAX_SIGNED, UrlRequest, signing::UrlSigner};
use crate::{
    errors::{Code, LunoraError},
    platform::Environment,
};

const ACCESS_KEY_ID: &str = "R2_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "R2_SECRET_ACCESS_KEY";
const ENDPOINT: &str = "R2_ENDPOINT";
const ACCOUNT_ID: &str = "R2_ACCOUNT_ID";

/// The region that R2 expects in a signature.
const REGION: &str = "auto";

/// The validity of a URL for which none is requested.
const DEFAULT_SIGNED: Duration = Duration::from_secs(15 * 60);

/// Presigns URLs of R2's S3 interface by AWS Signature Version 4. Requires the feature `presign`.
///
/// A URL allows one method on one object, until it expires: after 15 minutes, or what was
/// requested. An upload must have the content type that was requested with its URL, if any.
///
/// ```
/// use lunora::{
///     operate::{Presigner, Storage},
///     testing::{MemoryEnvironment, MemoryObjectStore},
/// };
///
/// let env = MemoryEnvironment::new()
///     .with_var("R2_ACCOUNT_ID", "0123456789abcdef0123456789abcdef")
///     .with_var("R2_ACCESS_KEY_ID", "the-id-of-a-key")
///     .with_var("R2_SECRET_ACCESS_KEY", "the-key");
/// // `bucket_name` in wrangler.jsonc of the binding `FILES`.
/// let presigner = Presigner::from_env(&env)?.bucket("FILES", "my-files");
/// let storage = Storage::new("FILES", MemoryObjectStore::new()).presigned(presigner);
/// # let _ = storage;
/// # Ok::<(), lunora::LunoraError>(())
/// ```
#[derive(Clone)]
pub struct Presigner {
    endpoint: String,
    region: &'static str,
    credentials: Credentials,
    /// The names of the buckets in R2, by those of the storage.
    buckets: Vec<(String, String)>,
}

impl Presigner {
    /// Reads the key pair of `R2_ACCESS_KEY_ID` and `R2_SECRET_ACCESS_KEY`, and the endpoint of
    /// `R2_ENDPOINT`, or else that of the account `R2_ACCOUNT_ID`.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` if a variable is not set or is malformed; the message names it.
    pub fn from_env(env: &impl Environment) -> Result<Self, LunoraError> {
        let credentials = Credentials::new(
            graphic(ACCESS_KEY_ID, required(env, ACCESS_KEY_ID)?)?,
            graphic(SECRET_ACCESS_KEY, required(env, SECRET_ACCESS_KEY)?)?,
        );
        let endpoint = match variable(env, ENDPOINT) {
            Some(endpoint) => checked_endpoint(&endpoint)?,
            None => endpoint_of(&required(env, ACCOUNT_ID)?)?,
        };
        Ok(Self { endpoint, region: REGION, credentials, buckets: Vec::new() })
    }

    /// Sets the name in R2 of a bucket of the storage. By default a bucket is called the same in
    /// both.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>, in_r2: impl Into<String>) -> Self {
        self.buckets.push((name.into(), in_r2.into()));
        self
    }

    fn presign(&self, request: &UrlRequest) -> Result<String, LunoraError> {
        check_key(&request.key)?;
        let named = self.buckets.iter().rfind(|(name, _)| *name == request.bucket);
        let name = named.map_or(&request.bucket, |(_, in_r2)| in_r2);
        check_bucket(&request.bucket, name)?;
        let endpoint = self.endpoint.parse().map_err(LunoraError::internal)?;
        let bucket = Bucket::new(endpoint, UrlStyle::Path, name.clone(), self.region)
            .map_err(|error| LunoraError::internal(format!("{error:?}")))?;
        let now = i64::try_from(request.now_ms).map_err(LunoraError::internal)?;
        let now = Timestamp::from_millisecond(now).map_err(LunoraError::internal)?;
        let expires_in =
            request.expires_in.unwrap_or(DEFAULT_SIGNED).clamp(Duration::from_secs(1), MAX_SIGNED);
        let credentials = Some(&self.credentials);
        let url = match request.method {
            Method::GET => {
                bucket.get_object(credentials, &request.key).sign_with_time(expires_in, &now)
            }
            Method::PUT => {
                let mut upload = bucket.put_object(credentials, &request.key);
                if let Some(content_type) = &request.content_type {
                    upload.headers_mut().insert("content-type", checked_type(content_type)?);
                }
                upload.sign_with_time(expires_in, &now)
            }
            _ => return Err(LunoraError::bad_request("`method` must be GET or PUT")),
        };
        Ok(url.into())
    }
}

impl UrlSigner for Presigner {
    fn sign<'a>(
        &'a self,
        request: &'a UrlRequest,
    ) -> LocalBoxFuture<'a, Result<String, LunoraError>> {
        Box::pin(ready(self.presign(request)))
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner")
            .field("endpoint", &self.endpoint)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

fn misconfigured(message: impl Into<String>) -> LunoraError {
    LunoraError::new(Code::Misconfigured, message.into())
}

fn variable(env: &impl Environment, name: &str) -> Option<String> {
    env.var(name).filter(|value| !value.is_empty())
}

fn required(env: &impl Environment, name: &str) -> Result<String, LunoraError> {
    variable(env, name).ok_or_else(|| {
        misconfigured(format!(
            "{name} is not set: put it into .dev.vars, or run `npx wrangler secret put {name}`"
        ))
    })
}

/// Refuses white space above all, which a copied key easily ends with.
fn graphic(name: &str, value: String) -> Result<String, LunoraError> {
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value);
    }
    Err(misconfigured(format!("invalid {name}: expected visible ASCII characters, without spaces")))
}

fn endpoint_of(account: &str) -> Result<String, LunoraError> {
    if account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(format!("https://{}.r2.cloudflarestorage.com", account.to_ascii_lowercase()));
    }
    Err(misconfigured(format!("invalid {ACCOUNT_ID}: expected 32 hexadecimal digits")))
}

/// Accepts an origin over TLS; one of this machine also without.
fn checked_endpoint(endpoint: &str) -> Result<String, LunoraError> {
    let origin = endpoint.parse::<Uri>().ok().filter(|uri| {
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let local = matches!(uri.host(), Some("localhost" | "127.0.0.1"));
        let secure = uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && local;
        plain && secure && uri.path() == "/" && uri.query().is_none() && !endpoint.contains('#')
    });
    if origin.is_some() {
        return Ok(endpoint.to_owned());
    }
    Err(misconfigured(format!(
        "invalid {ENDPOINT}: expected an https origin without a bucket, such as https://<account>.r2.cloudflarestorage.com"
    )))
}

/// Refuses a key whose URL would be that of another object, or of the bucket.
fn check_key(key: &str) -> Result<(), LunoraError> {
    if key.is_empty() || key.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(LunoraError::bad_request(
            "no URL leads to an object whose key is empty or has a segment `.` or `..`",
        ));
    }
    Ok(())
}

/// Refuses a name that R2 does not know buckets by.
fn check_bucket(bucket: &str, name: &str) -> Result<(), LunoraError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (3..=63).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(misconfigured(format!(
        "R2 has no bucket `{name}`: name it by `.bucket(\"{bucket}\", ..)` of the presigner, as `bucket_name` in wrangler.jsonc does"
    )))
}

fn checked_type(content_type: &str) -> Result<&str, LunoraError> {
    let content_type = content_type.trim();
    let visible = content_type.is_ascii() && HeaderValue::from_str(content_type).is_ok();
    // The canonical form of a header has no two spaces in a row, and no tabs.
    if content_type.is_empty()
        || !visible
        || content_type.contains("  ")
        || content_type.contains('\t')
    {
        return Err(LunoraError::bad_request("`contentType` must be a media type"));
    }
    Ok(content_type)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
