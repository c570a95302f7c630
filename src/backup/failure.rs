//! The errors of snapshots.

use std::error::Error;

use crate::errors::{Code, LunoraError};

pub(super) fn unwritten(error: impl Into<Box<dyn Error + 'static>>) -> LunoraError {
    LunoraError::new(Code::Internal, "the backup could not be written").with_source(error)
}

pub(super) fn unreadable(error: impl Into<Box<dyn Error + 'static>>) -> LunoraError {
    LunoraError::new(Code::Internal, "the backups could not be read").with_source(error)
}

pub(super) fn damaged(id: &str, problem: &str) -> LunoraError {
    LunoraError::new(Code::Conflict, format!("the snapshot `{id}` is damaged: {problem}"))
}

pub(super) fn missing(id: &str) -> LunoraError {
    LunoraError::new(Code::StorageObjectNotFound, format!("there is no snapshot `{id}`"))
}
