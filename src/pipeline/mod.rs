//! One request, step by step.

pub mod edge;
