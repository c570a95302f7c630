//! The table of cases.

mod admin;
mod batches;
mod calls;
mod edge;
mod live;
mod mutations;
mod streams;
mod values;

use super::case::Case;

const AREAS: [&[Case]; 8] = [
    calls::CASES,
    values::CASES,
    batches::CASES,
    mutations::CASES,
    edge::CASES,
    admin::CASES,
    live::CASES,
    streams::CASES,
];

/// Returns every case, in the order in which they run.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    AREAS.into_iter().flatten()
}
