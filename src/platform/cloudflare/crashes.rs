//! The record that outlives a crashed instance: the live query, or the call with an id, that it was
//! running.

use std::cell::OnceCell;

use worker::State;

use super::glue;

thread_local! {
    /// `true` if this instance replaces another; read once.
    static IS_REPLACEMENT: OnceCell<bool> = const { OnceCell::new() };
}

/// Returns whether this instance replaces one that crashed.
pub(crate) fn is_replacement() -> bool {
    IS_REPLACEMENT.with(|known| *known.get_or_init(glue::start_instance))
}

/// Records which live query is about to run in an object, as a JSON object.
pub(crate) fn note_running(state: &State, query: Option<&str>) {
    glue::note_running(state.as_raw(), query);
}

/// Returns the queries under which an instance died while they ran in an object: a JSON list of the
/// recorded queries, each with the time `at`.
pub(crate) fn crashes(state: &State) -> String {
    glue::crashes(state.as_raw())
}

/// Records that a call with this id begins to run in an object, and returns how often an instance
/// of this isolate died under it.
pub(crate) fn begin_call(state: &State, id: &str) -> u32 {
    glue::begin_call(state.as_raw(), id)
}

/// Records that no call with an id runs in an object.
pub(crate) fn end_call(state: &State) {
    glue::end_call(state.as_raw());
}

/// Has an object flushed once its current event has been answered. Returns `false` if it was not
/// built by `lunora-build`, whose shim does that.
pub(crate) fn flush_later(state: &State) -> bool {
    glue::flush_later(state.as_raw())
}
