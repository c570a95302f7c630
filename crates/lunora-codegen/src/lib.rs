//! For Workers that are built on `lunora`: their entry, generated; their `wrangler.jsonc`, checked.

mod build_script;
mod generate;
pub mod manifest;
mod problem;
mod scan;
pub mod wrangler;

pub use self::{
    build_script::build_script,
    generate::{OUTPUT, check_crate, generate, generate_crate, write_crate},
    problem::{Place, Problem},
};
