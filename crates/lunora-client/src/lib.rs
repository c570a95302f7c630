#![doc = include_str!("../README.md")]

mod batch;
mod call;
mod client;
mod error;
mod fan_out;
pub mod protocol;
mod random;
mod reference;
mod token;
mod transport;
pub mod value;

/// The crate by which generated types are read and written.
#[doc(hidden)]
pub use serde;

#[cfg(feature = "reqwest")]
pub use self::transport::ReqwestTransport;
pub use self::{
    batch::{Answers, Batch, Slot},
    call::{Call, FanOutCall},
    client::Client,
    error::{BoxError, DecodeError, Error, ServerError, TransportError},
    fan_out::{Direction, FanOut, FanOutAnswer, GroupOp, Merge, ShardFailure},
    reference::{Action, Function, FunctionRef, Kind, Mutation, NoArgs, Query},
    transport::{BoxFuture, MaybeSend, MaybeSync, Transport},
};
