//! The log: the console of the host, or what a test captures.

mod capture;
mod trace;

pub use self::capture::{CapturedLogs, capture_logs};
pub(crate) use self::trace::{current_trace, in_trace, now_in_trace, stay_in_trace};

/// Writes an error to the host's console.
pub(crate) fn error(line: &str) {
    write(Level::Error, &trace::traced(line));
}

/// Writes a warning to the host's console.
pub(crate) fn warn(line: &str) {
    write(Level::Warn, &trace::traced(line));
}

/// Writes a note to the host's console.
pub(crate) fn info(line: &str) {
    write(Level::Info, &trace::traced(line));
}

#[derive(Clone, Copy)]
enum Level {
    Error,
    Warn,
    Info,
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, line: &str) {
    match level {
        Level::Error => worker::console_error!("{line}"),
        Level::Warn => worker::console_warn!("{line}"),
        Level::Info => worker::console_log!("{line}"),
    }
}

/// Writes, natively, to the log that a test captures, else to standard error.
#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, line: &str) {
    let line = match level {
        Level::Error => format!("error: {line}"),
        Level::Warn => format!("warning: {line}"),
        Level::Info => format!("info: {line}"),
    };
    if let Err(line) = capture::capture(line) {
        eprintln!("{line}");
    }
}
