//! For Workers that are built on `lunora`: their entry, generated; their wrangler configuration, checked.
//!
//! | I want to | start at |
//! |---|---|
//! | fail a build where wrangler's configuration lacks what the code needs | [`build_script`] |
//! | check it in a tool of mine | [`wrangler::check_crate`], [`wrangler::check`] |
//! | add what it lacks | [`wrangler::fix_crate`], [`wrangler::fix`] |
//! | write the entry from `lunora.toml` | [`manifest`], [`write_crate`], [`check_crate`] |
//!
//! A problem has a place, says what is wrong and what to do; all of them come at once. A build fails by
//! an error, and goes on by a warning ([`Severity`]).

mod build_script;
mod generate;
pub mod manifest;
mod problem;
mod scan;
pub mod wrangler;

pub use self::{
    build_script::build_script,
    generate::{OUTPUT, check_crate, check_written, generate, generate_crate, write_crate},
    problem::{Place, Problem, Severity},
};
