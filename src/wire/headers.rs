//! The names of the headers of the wire.

use http::header::HeaderName;

pub(crate) const BASE_SEQ: HeaderName = HeaderName::from_static("x-lunora-base-seq");
pub(crate) const BOOKMARK: HeaderName = HeaderName::from_static("x-d1-bookmark");
pub(crate) const CLIENT_ID: HeaderName = HeaderName::from_static("x-lunora-client-id");
pub(crate) const CLIENT_IP: HeaderName = HeaderName::from_static("x-lunora-client-ip");
pub(crate) const CLIENT_SEQ: HeaderName = HeaderName::from_static("x-lunora-client-seq");
pub(crate) const EXPECT_SUBJECT: HeaderName = HeaderName::from_static("x-lunora-expect-subject");
pub(crate) const IDENTITY: HeaderName = HeaderName::from_static("x-lunora-identity");
pub(crate) const IDENTITY_EXPIRY: HeaderName = HeaderName::from_static("x-lunora-identity-exp");
pub(crate) const MUTATION_ID: HeaderName = HeaderName::from_static("x-lunora-mutation-id");
pub(crate) const PUBLIC_ORIGIN: HeaderName = HeaderName::from_static("x-lunora-origin");
pub(crate) const SHARD_KEY: HeaderName = HeaderName::from_static("x-lunora-shard-key");
pub(crate) const SYSTEM: HeaderName = HeaderName::from_static("x-lunora-system");
pub(crate) const USER_ID: HeaderName = HeaderName::from_static("x-lunora-userid");
