//! What the types of a function look like, where they can tell: a type need not implement
//! `JsonSchema` to be an argument or an answer.
//!
//! [`shard!`](crate::shard!) calls the method of whichever trait here applies after the fewest
//! references are taken off the receiver: of both types, of one of them, of none.

use std::marker::PhantomData;

use schemars::JsonSchema;

use super::{ActionHandler, MutationHandler, QueryHandler};
use crate::functions::FunctionInfo;

/// Adds the schemas of a function to its description.
pub type Describe = fn(FunctionInfo) -> FunctionInfo;

/// The types of a function.
#[allow(missing_debug_implementations, reason = "it holds nothing")]
pub struct Types<Args, Answer>(PhantomData<(Args, Answer)>);

impl<Args, Answer> Types<Args, Answer> {
    /// Those of a query.
    #[must_use]
    pub fn query<E>(_: &impl QueryHandler<(Args, Answer, E)>) -> Self {
        Self(PhantomData)
    }

    /// Those of a mutation.
    #[must_use]
    pub fn mutation<E>(_: &impl MutationHandler<(Args, Answer, E)>) -> Self {
        Self(PhantomData)
    }

    /// Those of an action.
    #[must_use]
    pub fn action<F, E>(_: &impl ActionHandler<(F, Args, Answer, E)>) -> Self {
        Self(PhantomData)
    }
}

/// Both types tell.
pub trait OfBoth {
    /// Adds what they tell.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args: JsonSchema, Answer: JsonSchema> OfBoth for &&Types<Args, Answer> {
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed::<Args, Answer>()
    }
}

/// The arguments tell.
pub trait OfArgs {
    /// Adds what they tell.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args: JsonSchema, Answer> OfArgs for &Types<Args, Answer> {
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed_args::<Args>()
    }
}

/// The answer tells.
pub trait OfResult {
    /// Adds what it tells.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args, Answer: JsonSchema> OfResult for Types<Args, Answer> {
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed_result::<Answer>()
    }
}

/// Neither does.
pub trait NeitherHas {
    /// Leaves the description as it is.
    fn describe(self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args, Answer> NeitherHas for Types<Args, Answer> {
    fn describe(self, info: FunctionInfo) -> FunctionInfo {
        info
    }
}

impl<Args, Answer> Clone for Types<Args, Answer> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Args, Answer> Copy for Types<Args, Answer> {}
