//! A stream, from its frame to its end.

use std::rc::Rc;

use futures::future::{AbortHandle, AbortRegistration};
use serde_json::value::RawValue;

use crate::shard::caller::Caller;

/// A stream that runs; dropping it ends the run.
pub(super) struct RunningStream(pub(super) AbortHandle);

impl Drop for RunningStream {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stream that a client opened, until it is run.
pub(super) struct OpenedStream {
    pub(super) socket: Rc<str>,
    pub(super) id: Rc<str>,
    pub(super) path: String,
    pub(super) args: Box<RawValue>,
    pub(super) who: Rc<Caller>,
    pub(super) registration: AbortRegistration,
}
