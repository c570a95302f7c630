//! For Workers that are built on `lunora`: their entry, generated; their `wrangler.jsonc`, checked.

mod build_script;
mod problem;
mod scan;
pub mod wrangler;

pub use self::{
    build_script::build_script,
    problem::{Place, Problem},
};
