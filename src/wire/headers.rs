//! The headers of the wire: the name of each, its one reader and its one writer.
//!
//! They are read with `typed_get` and written with `typed_insert` of [`HeaderMapExt`]. Of a header
//! that occurs more than once the first value counts. Where a call passes the client's own bytes
//! on to a shard, the names alone are used; so is `x-lunora-base-seq`, which nothing here reads.
//!
//! [`HeaderMapExt`]: ::headers::HeaderMapExt

use http::header::{HeaderName, HeaderValue};

/// Implements [`Header`](::headers::Header) by `read(&HeaderValue) -> Option<Self>` and
/// `write(&self)`, which gives an `Option` or a `Result` of a value; without a value nothing is
/// written.
macro_rules! header {
    ($type:ty, $name:expr) => {
        impl ::headers::Header for $type {
            fn name() -> &'static ::http::HeaderName {
                static NAME: ::http::HeaderName = $name;
                &NAME
            }

            fn decode<'i, I>(values: &mut I) -> Result<Self, ::headers::Error>
            where
                I: Iterator<Item = &'i ::http::HeaderValue>,
            {
                values.next().and_then(Self::read).ok_or_else(::headers::Error::invalid)
            }

            fn encode<E: Extend<::http::HeaderValue>>(&self, values: &mut E) {
                values.extend(self.write());
            }
        }
    };
}

mod identity;
mod trace;
mod write_ids;

#[cfg(feature = "shard")]
pub(crate) use self::write_ids::ClientSeq;
pub(crate) use self::{
    identity::{Claims, ExpectedSubject, IdentityExpiry, UserId},
    trace::{TRACE_PARENT, TRACE_STATE, Trace},
    write_ids::{ClientId, MutationId},
};
use super::ShardKey;

pub(crate) const BASE_SEQ: HeaderName = HeaderName::from_static("x-lunora-base-seq");
pub(crate) const BOOKMARK: HeaderName = HeaderName::from_static("x-d1-bookmark");
pub(crate) const CLIENT_ID: HeaderName = HeaderName::from_static("x-lunora-client-id");
pub(crate) const CLIENT_IP: HeaderName = HeaderName::from_static("x-lunora-client-ip");
pub(crate) const CLIENT_SEQ: HeaderName = HeaderName::from_static("x-lunora-client-seq");
pub(crate) const EXPECT_SUBJECT: HeaderName = HeaderName::from_static("x-lunora-expect-subject");
pub(crate) const IDENTITY: HeaderName = HeaderName::from_static("x-lunora-identity");
pub(crate) const IDENTITY_EXPIRY: HeaderName = HeaderName::from_static("x-lunora-identity-exp");
pub(crate) const MUTATION_ID: HeaderName = HeaderName::from_static("x-lunora-mutation-id");
const PUBLIC_ORIGIN: HeaderName = HeaderName::from_static("x-lunora-origin");
#[cfg(feature = "admin")]
const SCHEDULER_SIGNATURE: HeaderName = HeaderName::from_static("x-lunora-scheduler-signature");
const SHARD_KEY: HeaderName = HeaderName::from_static("x-lunora-shard-key");
const SYSTEM: HeaderName = HeaderName::from_static("x-lunora-system");
const WANT_ERROR_DETAIL: HeaderName = HeaderName::from_static("x-lunora-want-error-detail");
pub(crate) const USER_ID: HeaderName = HeaderName::from_static("x-lunora-userid");

/// The bookmark of a D1 database (`x-d1-bookmark`), which only the database understands.
#[derive(Clone)]
pub(crate) struct Bookmark(HeaderValue);

/// The address of the caller (`x-lunora-client-ip`), as the platform sent it.
pub(crate) struct ClientIp(pub(crate) HeaderValue);

/// The origin under which the public reaches the Worker (`x-lunora-origin`).
pub(crate) struct PublicOrigin(pub(crate) String);

/// The shard that answered (`x-lunora-shard-key`), for a client that named none.
#[derive(Clone)]
pub(crate) struct AnsweringShard(HeaderValue);

/// A call in the server's own name (`x-lunora-system`): `1`, and no other value.
pub(crate) struct System;

/// An operator's wish for the unredacted errors of a batch (`x-lunora-want-error-detail`): `1`, and
/// no other value.
pub(crate) struct WantErrorDetail;

/// The scheduler's signature of a body (`x-lunora-scheduler-signature`).
#[cfg(feature = "admin")]
pub(crate) struct SchedulerSignature(pub(crate) String);

header!(Bookmark, BOOKMARK);
header!(ClientIp, CLIENT_IP);
header!(PublicOrigin, PUBLIC_ORIGIN);
header!(AnsweringShard, SHARD_KEY);
header!(System, SYSTEM);
header!(WantErrorDetail, WANT_ERROR_DETAIL);
#[cfg(feature = "admin")]
header!(SchedulerSignature, SCHEDULER_SIGNATURE);

impl Bookmark {
    /// Reads the value of a header; one that is empty is no bookmark.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let value = HeaderValue::from_bytes(text.as_bytes()).ok();
        value.filter(|value| !value.is_empty()).map(Self)
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        Some(Self(value.clone()))
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(self.0.clone())
    }
}

impl ClientIp {
    /// Returns the address, if it is visible ASCII.
    #[cfg(feature = "shard")]
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        Some(Self(value.clone()))
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(self.0.clone())
    }
}

impl PublicOrigin {
    fn read(value: &HeaderValue) -> Option<Self> {
        Some(Self(value.to_str().ok()?.to_owned()))
    }

    fn write(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl AnsweringShard {
    /// Returns the header for `key`, or `None` for a key that not every host can send in a header.
    ///
    /// The header tells a client the name of the default shard. A key beyond Latin-1 came from the
    /// client itself, which knows it.
    pub(crate) fn of(key: &ShardKey) -> Option<Self> {
        let key = key.as_str();
        let sendable = key.chars().all(|c| u32::from(c) <= 0xff);
        sendable.then(|| HeaderValue::from_str(key).ok().map(Self))?
    }

    pub(crate) fn from_value(value: HeaderValue) -> Self {
        Self(value)
    }

    pub(crate) fn value(&self) -> &HeaderValue {
        &self.0
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        Some(Self(value.clone()))
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(self.0.clone())
    }
}

impl System {
    fn read(value: &HeaderValue) -> Option<Self> {
        (value == "1").then_some(Self)
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static("1"))
    }
}

impl WantErrorDetail {
    fn read(value: &HeaderValue) -> Option<Self> {
        (value == "1").then_some(Self)
    }

    fn write(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static("1"))
    }
}

#[cfg(feature = "admin")]
impl SchedulerSignature {
    fn read(value: &HeaderValue) -> Option<Self> {
        Some(Self(value.to_str().ok()?.trim().to_owned()))
    }

    fn write(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
