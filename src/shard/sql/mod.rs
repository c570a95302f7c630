//! Raw SQL statements, their parameters and their results.

pub(crate) mod row;
pub(crate) mod statement;
mod value;
mod words;

pub use self::value::SqlValue;
