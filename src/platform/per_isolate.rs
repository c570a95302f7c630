//! A value of the whole isolate.

use std::{cell::RefCell, rc::Rc};

/// A value that is built once per isolate, on the first event.
///
/// ```
/// use lunora::entry::PerIsolate;
///
/// let app = PerIsolate::new();
/// assert!(app.get_or_build(|| Err::<u8, _>("no binding")).is_err());
/// assert_eq!(*app.get_or_build(|| Ok::<_, ()>(7)).unwrap(), 7);
/// assert_eq!(*app.get_or_build(|| Ok::<_, ()>(8)).unwrap(), 7);
/// ```
#[derive(Debug)]
pub struct PerIsolate<T>(RefCell<Option<Rc<T>>>);

impl<T> PerIsolate<T> {
    /// Returns a cell that is still empty.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Returns the value; `build` runs unless it already succeeded.
    ///
    /// # Errors
    /// The error of `build`. The next call tries again.
    pub fn get_or_build<E>(&self, build: impl FnOnce() -> Result<T, E>) -> Result<Rc<T>, E> {
        if let Some(value) = &*self.0.borrow() {
            return Ok(value.clone());
        }
        let value = Rc::new(build()?);
        *self.0.borrow_mut() = Some(value.clone());
        Ok(value)
    }
}

impl<T> Default for PerIsolate<T> {
    fn default() -> Self {
        Self::new()
    }
}
