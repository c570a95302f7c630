//! The schemas of a function's types, if available: a type need not implement `JsonSchema` to be an
//! argument or an answer.
//!
//! [`shard!`](crate::shard!) calls the method of whichever trait here applies after the fewest
//! references are taken off the receiver: of both types, of one of them, of none.

use std::{
    env, fs,
    future::{Future, Ready},
    io,
    marker::PhantomData,
    path::Path,
};

use futures::Stream;
use schemars::JsonSchema;
use serde_json::json;

use super::handler::{ActionForm, FunctionResult, MutationForm, QueryForm, StreamForm};
use crate::{
    functions::{FunctionInfo, FunctionList as _},
    shard::ShardClass,
};

/// Names the folder into which [`write`] writes.
const FOLDER: &str = "LUNORA_FUNCTIONS_DIR";

/// Adds the schemas of a function to its description.
pub type Describe = fn(FunctionInfo) -> FunctionInfo;

/// The types of a function: its arguments, and the future of its result.
#[allow(missing_debug_implementations, reason = "it holds nothing")]
pub struct Types<Args, Returned>(PhantomData<(Args, Returned)>);

/// Returns those of a query.
///
/// It checks the form alone: registration has already reported other errors of a function.
#[must_use]
pub fn query<Args, R, W>(_: impl QueryForm<Args, R, W>) -> Types<Args, Ready<R>> {
    Types(PhantomData)
}

/// Returns those of a mutation.
#[must_use]
pub fn mutation<Args, R, W>(_: impl MutationForm<Args, R, W>) -> Types<Args, Ready<R>> {
    Types(PhantomData)
}

/// Returns those of an action.
#[must_use]
pub fn action<Args, R, W>(_: impl ActionForm<Args, R, W>) -> Types<Args, R> {
    Types(PhantomData)
}

/// Returns those of a stream, whose result is a chunk.
#[must_use]
pub fn stream<Args, S: Stream, W>(_: impl StreamForm<Args, S, W>) -> Types<Args, Ready<S::Item>> {
    Types(PhantomData)
}

type AnswerOf<Returned> = <<Returned as Future>::Output as FunctionResult>::Answer;

/// Both types have a schema.
pub trait OfBoth {
    /// Adds their schemas.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args: JsonSchema, R> OfBoth for &&Types<Args, R>
where
    R: Future<Output: FunctionResult<Answer: JsonSchema>>,
{
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed_args::<Args>().typed_result::<AnswerOf<R>>()
    }
}

/// The arguments have one.
pub trait OfArgs {
    /// Adds their schemas.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args: JsonSchema, R> OfArgs for &Types<Args, R> {
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed_args::<Args>()
    }
}

/// The answer has one.
pub trait OfResult {
    /// Adds its schema.
    fn describe(&self, info: FunctionInfo) -> FunctionInfo;
}

impl<Args, R> OfResult for Types<Args, R>
where
    R: Future<Output: FunctionResult<Answer: JsonSchema>>,
{
    fn describe(&self, info: FunctionInfo) -> FunctionInfo {
        info.typed_result::<AnswerOf<R>>()
    }
}

/// Neither has one.
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

/// Writes the functions of a shard that clients may call into the folder of `LUNORA_FUNCTIONS_DIR`, if it is
/// set; a test of [`shard!`](crate::shard!) calls it for `lunora codegen client`.
///
/// # Errors
/// If the file cannot be written.
pub fn write<S: ShardClass>(name: &str) -> io::Result<()> {
    let Some(folder) = env::var_os(FOLDER) else { return Ok(()) };
    let functions: Vec<_> = S::definition()
        .functions()
        .into_iter()
        .filter(|info| !info.internal)
        .map(|info| {
            json!({
                "path": info.path, "kind": info.kind.as_str(), "args": info.args, "result": info.result,
            })
        })
        .collect();
    let file = Path::new(&folder).join(format!("{}.json", name.replace("::", ".")));
    fs::write(file, serde_json::to_vec(&functions)?)
}
