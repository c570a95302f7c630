//! The platform in memory, for tests.

pub(crate) mod logs;
