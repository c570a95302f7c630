//! Variables and secrets.

/// The bindings of a deployment, as far as the core reads them itself: variables and secrets.
pub trait Environment: 'static {
    /// A variable or a secret, if it is there and is text.
    fn var(&self, name: &str) -> Option<String>;
}

/// No variables at all.
impl Environment for () {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}
