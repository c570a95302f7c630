//! HTTP messages as the whole crate sees them: [`Request`], [`Response`] and their [`Body`].
//!
//! The host's own streams stay with the host until they are read, so that a shard's response passes
//! through a Worker without being copied.

mod body;
mod request;
mod response;
mod url;

pub use self::{
    body::{Body, BodyError, HostBody},
    request::Request,
    response::{IntoResponse, Response, to_error_response},
};
pub(crate) use self::{
    response::EncodedBody,
    url::{origin_of, to_uri},
};
