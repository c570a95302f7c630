//! The real platform, over the crate `worker`.

mod context;
mod error;
mod glue;
mod message;
mod namespace;

pub(crate) fn console_error(line: &str) {
    worker::console_error!("{line}");
}

pub(crate) fn console_warn(line: &str) {
    worker::console_warn!("{line}");
}
