//! The headers that carry an identity (docs/wire.md, "Headers to a shard"), and the one in which a
//! client names the identity that it expects.

use std::borrow::Cow;

use base64::Engine;
use http::header::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{EXPECT_SUBJECT, IDENTITY, IDENTITY_EXPIRY, USER_ID};
use crate::wire::identity::BASE64_URL;

/// The id of a user (`x-lunora-userid`): raw if every host carries it unchanged, else `=` and
/// base64url. It is not empty.
///
/// A header value is its text in UTF-8, as the runtime has it.
pub(crate) struct UserId<'a>(pub(crate) Cow<'a, str>);

/// The other claims of an identity (`x-lunora-identity`): base64url of JSON.
pub(crate) struct Claims<'a>(pub(crate) Cow<'a, Map<String, Value>>);

/// When an identity expires (`x-lunora-identity-exp`), in milliseconds since 1970.
pub(crate) struct IdentityExpiry(pub(crate) u64);

/// The user that a client expects to be (`x-lunora-expect-subject`; docs/wire.md, "Calls"):
/// base64url of `{"subject": string | null}`.
#[derive(Deserialize, Serialize)]
pub(crate) struct ExpectedSubject {
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) subject: Option<String>,
}

header!(UserId<'_>, USER_ID);
header!(Claims<'_>, IDENTITY);
header!(IdentityExpiry, IDENTITY_EXPIRY);
header!(ExpectedSubject, EXPECT_SUBJECT);

impl UserId<'_> {
    fn read(value: &HeaderValue) -> Option<Self> {
        let id = match value.as_bytes() {
            [b'=', encoded @ ..] => String::from_utf8(BASE64_URL.decode(encoded).ok()?).ok()?,
            raw => str::from_utf8(raw).ok()?.to_owned(),
        };
        (!id.is_empty()).then_some(Self(Cow::Owned(id)))
    }

    fn write(&self) -> Option<HeaderValue> {
        let id = &*self.0;
        let survives = !id.starts_with('=')
            && id.trim() == id
            && id.chars().all(|c| u32::from(c) <= 0xff && !c.is_control());
        if survives {
            HeaderValue::from_str(id).ok()
        } else {
            HeaderValue::try_from(format!("={}", BASE64_URL.encode(id))).ok()
        }
    }
}

impl Claims<'_> {
    /// Reads claims in base64url, or as the plain JSON that older Workers sent.
    fn read(value: &HeaderValue) -> Option<Self> {
        let value = value.as_bytes();
        let claims = if value.starts_with(b"{") {
            serde_json::from_slice(value).ok()?
        } else {
            serde_json::from_slice(&BASE64_URL.decode(value).ok()?).ok()?
        };
        Some(Self(Cow::Owned(claims)))
    }

    fn write(&self) -> Option<HeaderValue> {
        base64url_json(&*self.0)
    }
}

impl IdentityExpiry {
    fn read(value: &HeaderValue) -> Option<Self> {
        value.to_str().ok()?.parse().ok().map(Self)
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(self.0.into())
    }
}

impl ExpectedSubject {
    // Kept out of its caller, which every call runs: few calls have the header.
    #[inline(never)]
    fn read(value: &HeaderValue) -> Option<Self> {
        let json = BASE64_URL.decode(value.as_bytes()).ok()?;
        json.starts_with(b"{").then(|| serde_json::from_slice(&json).ok())?
    }

    fn write(&self) -> Option<HeaderValue> {
        base64url_json(self)
    }
}

/// Writes JSON as base64url. What is written here, texts and maps of JSON values, always is JSON.
fn base64url_json(value: &impl Serialize) -> Option<HeaderValue> {
    HeaderValue::try_from(BASE64_URL.encode(serde_json::to_vec(value).ok()?)).ok()
}
