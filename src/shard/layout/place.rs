//! A place in a type, and what can be found out about it in one reading.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
};

use serde::de::DeserializeOwned;

use super::{
    fault::Fault,
    probe::{Goal, Probe, Seen, Step},
};

/// A place in the type `T`.
pub(super) struct Place<T> {
    pub(super) path: Vec<Step>,
    of: PhantomData<fn() -> T>,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { path: Vec::new(), of: PhantomData }
    }
}

impl<T: DeserializeOwned> Place<T> {
    /// Runs `work` one step further.
    pub(super) fn step<R>(&mut self, step: Step, work: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(step);
        let result = work(self);
        self.path.pop();
        result
    }

    /// Returns what the type asks for here, and how the reading ended.
    pub(super) fn see(&self) -> (Option<Seen>, Option<Fault>) {
        let seen = RefCell::new(None);
        let goal = Goal::See(&seen);
        let fault = T::deserialize(Probe { path: &self.path, goal: &goal }).err();
        (seen.into_inner(), fault)
    }

    /// Gives the struct here some of its fields. Returns the number of values that it read, and how it
    /// ended.
    pub(super) fn give(&self, fields: &[(&'static str, usize)]) -> (usize, Option<Fault>) {
        let (read, end) = (Cell::new(0), RefCell::new(None));
        let goal = Goal::Give { fields, read: &read, end: &end };
        drop(T::deserialize(Probe { path: &self.path, goal: &goal }));
        (read.get(), end.into_inner())
    }
}
