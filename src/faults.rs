//! A second way to fulfil a bound, which nothing takes.
//!
//! Where a trait has one implementation, the compiler takes it, and of a function that does not fit
//! says what `Fn` says of it. Where it has two, it tries both, and when neither fits it says the
//! sentence of the trait. `Direct` marks the implementation that counts.

/// The implementation that counts.
#[derive(Clone, Copy, Debug)]
pub enum Direct {}

/// The implementation that nothing takes.
#[derive(Clone, Copy, Debug)]
pub enum NoWay {}

/// What nothing is.
pub trait Impossible {
    /// Never returns: there is no value to call it on.
    fn never<T>(&self) -> T;
}
