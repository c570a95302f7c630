//! Lunora beside a framework, behind one, or inside an existing router.

mod framework;
mod handler;

pub use self::{
    framework::{FrameworkWorker, compose_worker, with_framework_worker},
    handler::{LunoraHandler, LunoraOptions, create_lunora_handler, resolve_lunora_options},
};
