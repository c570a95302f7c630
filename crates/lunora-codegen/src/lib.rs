//! Generates the entry of a Worker on `lunora`, and checks its wrangler configuration.
//!
//! | I want to | start at |
//! |---|---|
//! | fail a build if wrangler's configuration lacks what the code needs | [`build_script`] |
//! | check it in my own tool | [`wrangler::check_crate`], [`wrangler::check`] |
//! | add what it lacks | [`wrangler::fix_crate`], [`wrangler::fix`] |
//! | write the entry from `lunora.toml` | [`manifest`], [`write_crate`], [`check_crate`] |
//! | generate a typed client from the functions of a shard | [`typescript::api`], [`rust::api`] |
//!
//! A problem has a place, a message and a fix; all problems are reported at once. An error fails a build,
//! a warning does not ([`Severity`]).

mod build_script;
mod generate;
pub mod manifest;
mod problem;
pub mod rust;
mod scan;
pub mod typescript;
pub mod wrangler;

pub use self::{
    build_script::build_script,
    generate::{OUTPUT, check_crate, check_written, generate, generate_crate, write_crate},
    problem::{Place, Problem, Severity},
};
