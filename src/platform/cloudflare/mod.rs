//! The real platform, over the crate `worker`.

pub(crate) fn console_error(line: &str) {
    worker::console_error!("{line}");
}

pub(crate) fn console_warn(line: &str) {
    worker::console_warn!("{line}");
}
