//! One run of a function: its caller, its time, its reads and its writes.

use std::cell::{Cell, Ref, RefCell, RefMut};

use super::{
    caller::Caller,
    state::State,
    tracking::{Change, Commit, Reads},
};
use crate::errors::{Code, LunoraError};

/// One run of a query or a mutation, from its first read to its commit.
pub(crate) struct Run<'a> {
    pub(crate) state: &'a State,
    callees: &'a dyn Callees,
    pub(crate) caller: &'a Caller,
    pub(crate) now_ms: u64,
    reads: RefCell<Reads>,
    commit: RefCell<Commit>,
    /// The error for which the transaction must not commit, however the function handles it.
    doomed: RefCell<Option<LunoraError>>,
    depth: Cell<u32>,
}

/// The functions that a run calls by their paths, one level deeper and in its transaction.
pub(crate) trait Callees {
    /// Runs a query.
    ///
    /// # Errors
    /// The error of the query; 404 `FUNCTION_NOT_FOUND` if the path is not a query's;
    /// `RUN_DEPTH_EXCEEDED`.
    fn query(&self, run: &Run<'_>, path: &str, args: &str) -> Result<String, LunoraError>;

    /// Runs a mutation. If it fails, the transaction must not commit.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    fn mutation(&self, run: &Run<'_>, path: &str, args: &str) -> Result<String, LunoraError>;

    /// Checks that a path is that of a mutation or an action.
    ///
    /// # Errors
    /// 404 `FUNCTION_NOT_FOUND`.
    fn check_schedulable(&self, path: &str) -> Result<(), LunoraError>;
}

impl<'a> Run<'a> {
    /// The maximum depth of calls between functions (docs/wire.md, "Calls in a shard").
    const MAX_DEPTH: u32 = 32;

    pub(crate) fn new(
        state: &'a State,
        callees: &'a dyn Callees,
        caller: &'a Caller,
        depth: u32,
    ) -> Self {
        Self {
            state,
            callees,
            caller,
            now_ms: state.host().now_ms(),
            reads: RefCell::default(),
            commit: RefCell::default(),
            doomed: RefCell::default(),
            depth: Cell::new(depth),
        }
    }

    pub(crate) fn reads(&self) -> RefMut<'_, Reads> {
        self.reads.borrow_mut()
    }

    pub(crate) fn wrote(&self, change: Change, cursor: u64) {
        let mut commit = self.commit.borrow_mut();
        commit.changes.push(change);
        commit.cursor = Some(cursor);
    }

    pub(crate) fn wrote_anything(&self) {
        self.commit.borrow_mut().everything = true;
    }

    pub(crate) fn commit(&self) -> Ref<'_, Commit> {
        self.commit.borrow()
    }

    /// Prevents the commit of the transaction: a write failed halfway.
    pub(crate) fn doom(&self, error: LunoraError) -> LunoraError {
        let told = LunoraError::custom(
            error.code().to_owned(),
            error.status().as_u16(),
            error.message().to_owned(),
        );
        self.doomed.borrow_mut().get_or_insert(error);
        told
    }

    /// Checks that the function may commit.
    pub(crate) fn check_doom(&self) -> Result<(), LunoraError> {
        self.doomed.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// Runs another query; see [`Callees::query`].
    pub(crate) fn query(&self, path: &str, args: &str) -> Result<String, LunoraError> {
        self.callees.query(self, path, args)
    }

    /// Runs another mutation; see [`Callees::mutation`].
    pub(crate) fn mutation(&self, path: &str, args: &str) -> Result<String, LunoraError> {
        self.callees.mutation(self, path, args)
    }

    /// Checks that a function can be called later; see [`Callees::check_schedulable`].
    pub(crate) fn check_schedulable(&self, path: &str) -> Result<(), LunoraError> {
        self.callees.check_schedulable(path)
    }

    /// Runs `work` one level deeper.
    pub(crate) fn deeper<T>(
        &self,
        work: impl FnOnce() -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        let depth = check_depth(self.depth.get())?;
        self.depth.set(depth);
        let result = work();
        self.depth.set(depth - 1);
        result
    }

    pub(crate) fn into_parts(self) -> (Reads, Commit) {
        (self.reads.into_inner(), self.commit.into_inner())
    }
}

/// Returns the next depth, unless functions call each other too deeply.
pub(crate) fn check_depth(depth: u32) -> Result<u32, LunoraError> {
    if depth >= Run::MAX_DEPTH {
        let message = format!("functions called each other more than {} deep", Run::MAX_DEPTH);
        return Err(LunoraError::new(Code::RunDepthExceeded, message));
    }
    Ok(depth + 1)
}
