//! The log: the console of the host, or what a test captures.

mod capture;

pub use self::capture::{CapturedLogs, capture_logs};

/// Writes an error to the host's console.
pub(crate) fn error(line: &str) {
    write(Level::Error, line);
}

/// Writes a warning to the host's console.
pub(crate) fn warn(line: &str) {
    write(Level::Warn, line);
}

/// Writes a note to the host's console.
pub(crate) fn info(line: &str) {
    write(Level::Info, line);
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
