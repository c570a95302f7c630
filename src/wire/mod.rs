//! What crosses the wire.

pub mod value;
