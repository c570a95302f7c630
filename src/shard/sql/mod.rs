//! Statements that are written by hand, and the values that go into and out of them.

pub(crate) mod row;
pub(crate) mod statement;
mod value;

pub use self::value::SqlValue;
