//! The failures that a test has scripted for a store.

use std::error::Error;

use crate::platform::StoreOperation;

/// Failures to come, each for one call of one operation.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

struct Fault {
    operation: StoreOperation,
    /// The number of further calls of the operation that succeed.
    after: usize,
    error: Box<dyn Error + 'static>,
}

impl Faults {
    pub(super) fn add(
        &mut self,
        operation: StoreOperation,
        after: usize,
        error: Box<dyn Error + 'static>,
    ) {
        self.0.push(Fault { operation, after, error });
    }

    /// Counts a call of `operation`, and returns its failure, if any. Of several that are due the
    /// first scripted one is used, and the others wait for the next call.
    pub(super) fn meet(&mut self, operation: StoreOperation) -> Option<Box<dyn Error + 'static>> {
        let mut due = None;
        for (index, fault) in self.0.iter_mut().enumerate() {
            if fault.operation != operation {
                continue;
            }
            match fault.after.checked_sub(1) {
                Some(after) => fault.after = after,
                None => due = due.or(Some(index)),
            }
        }
        due.map(|index| self.0.remove(index).error)
    }
}
