//! The message of Ctrl-C during a restore.

use std::{
    io::{self, Write},
    process,
    sync::{Arc, Mutex, PoisonError},
};

use crate::failure::Failure;

/// The progress of a restore that deletes first, printed when it is interrupted.
pub(super) struct Interrupt {
    /// Empty while nothing was changed, and after the end.
    state: Arc<Mutex<String>>,
    command: Arc<str>,
}

impl Interrupt {
    /// The exit code of a program that SIGINT ends, as shells have it.
    const EXIT_CODE: i32 = 130;

    /// Prints on Ctrl-C how far the restore is, and that `command` finishes it.
    pub(super) fn watch(command: &str) -> Result<Self, Failure> {
        let watch = Self { state: Arc::default(), command: command.into() };
        let (state, command) = (watch.state.clone(), watch.command.clone());
        let told = move || {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(io::stderr(), "\ninterrupted: {}", text(&state, &command));
            process::exit(Self::EXIT_CODE);
        };
        ctrlc::set_handler(told)
            .map_err(|error| Failure::Unexpected(format!("cannot handle Ctrl-C: {error}")))?;
        Ok(watch)
    }

    /// Notes how far the restore is.
    pub(super) fn note(&self, state: &str) {
        state.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that nothing is half done any more.
    pub(super) fn end(&self) {
        self.note("");
    }

    /// Returns how far the restore is, and how to finish it.
    pub(super) fn to_text(&self) -> String {
        text(&self.state.lock().unwrap_or_else(PoisonError::into_inner), &self.command)
    }
}

fn text(state: &str, command: &str) -> String {
    if state.is_empty() {
        return "no restore is half done".to_owned();
    }
    format!(
        "the restore is not finished: {state}. No backup runs until it is. To finish it, run\n  \
         {command}\nIf that fails with RESTORE_IN_PROGRESS, wait: the lease of this attempt ends after \
         at most 15 minutes"
    )
}
