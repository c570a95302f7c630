//! The traits of functions: any `fn` of the right form.

use std::future::Future;

use futures::{FutureExt, Stream, StreamExt};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Body,
    args::{read_args, write_result},
};
use crate::{
    errors::LunoraError,
    faults::{Direct, Impossible, NoWay},
    shard::{
        action::Action,
        context::{Mutation, Query},
    },
};

/// A function that can be a query: `fn(&Query, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a query",
    label = "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "a query is not `async`, and takes two arguments; without any of its own it takes `NoArgs`"
)]
pub trait QueryHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> QueryBody;
}

/// A function that can be a mutation: `fn(&Mutation, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a mutation",
    label = "a mutation has the form `fn(ctx: &Mutation<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "a mutation is not `async`, and takes two arguments; without any of its own it takes `NoArgs`"
)]
pub trait MutationHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> MutationBody;
}

/// A function that can be an action: `async fn(Action, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be an action",
    label = "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
    note = "an action is `async`, takes `Action` by value and two arguments; without any of its own it takes `NoArgs`"
)]
pub trait ActionHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> ActionBody;
}

/// A function that can be a stream: `fn(Action, Args) -> impl Stream<Item = Result<Chunk, Error>>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a stream",
    label = "a stream has the form `fn(ctx: Action, args: Args) -> impl Stream<Item = Result<Chunk, LunoraError>>`",
    note = "a stream is not `async`, takes `Action` by value and two arguments; without any of its own it takes `NoArgs`"
)]
pub trait StreamHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> StreamBody;
}

/// A query without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct QueryBody(pub(crate) Body);
/// A mutation without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct MutationBody(pub(crate) Body);
/// An action without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct ActionBody(pub(crate) Body);
/// A stream without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct StreamBody(pub(crate) Body);

/// A function of the form of a query, of any types.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a query",
    label = "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "a query is not `async`, and takes two arguments; without any of its own it takes `NoArgs`"
)]
#[doc(hidden)]
pub trait QueryForm<Args, R, Way>: 'static {
    /// Calls the function.
    fn call(&self, ctx: &Query<'_>, args: Args) -> R;
}

impl<F, Args, R> QueryForm<Args, R, Direct> for F
where
    F: Fn(&Query<'_>, Args) -> R + 'static,
{
    fn call(&self, ctx: &Query<'_>, args: Args) -> R {
        self(ctx, args)
    }
}

impl<F: Impossible + 'static, Args, R> QueryForm<Args, R, NoWay> for F {
    fn call(&self, _: &Query<'_>, _: Args) -> R {
        self.never()
    }
}

/// A function of the form of a mutation, of any types.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a mutation",
    label = "a mutation has the form `fn(ctx: &Mutation<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "a mutation is not `async`, and takes two arguments; without any of its own it takes `NoArgs`"
)]
#[doc(hidden)]
pub trait MutationForm<Args, R, Way>: 'static {
    /// Calls the function.
    fn call(&self, ctx: &Mutation<'_>, args: Args) -> R;
}

impl<F, Args, R> MutationForm<Args, R, Direct> for F
where
    F: Fn(&Mutation<'_>, Args) -> R + 'static,
{
    fn call(&self, ctx: &Mutation<'_>, args: Args) -> R {
        self(ctx, args)
    }
}

impl<F: Impossible + 'static, Args, R> MutationForm<Args, R, NoWay> for F {
    fn call(&self, _: &Mutation<'_>, _: Args) -> R {
        self.never()
    }
}

/// A function of the form of an action, of any types.
#[diagnostic::on_unimplemented(
    message = "this function cannot be an action",
    label = "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
    note = "an action is `async`, takes `Action` by value and two arguments; without any of its own it takes `NoArgs`"
)]
#[doc(hidden)]
pub trait ActionForm<Args, R, Way>: 'static {
    /// Calls the function.
    fn call(&self, ctx: Action, args: Args) -> R;
}

impl<F, Args, R> ActionForm<Args, R, Direct> for F
where
    F: Fn(Action, Args) -> R + 'static,
{
    fn call(&self, ctx: Action, args: Args) -> R {
        self(ctx, args)
    }
}

impl<F: Impossible + 'static, Args, R> ActionForm<Args, R, NoWay> for F {
    fn call(&self, _: Action, _: Args) -> R {
        self.never()
    }
}

/// A function of the form of a stream, of any types.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a stream",
    label = "a stream has the form `fn(ctx: Action, args: Args) -> impl Stream<Item = Result<Chunk, LunoraError>>`",
    note = "a stream is not `async`, takes `Action` by value and two arguments; without any of its own it takes `NoArgs`"
)]
#[doc(hidden)]
pub trait StreamForm<Args, S, Way>: 'static {
    /// Calls the function.
    fn call(&self, ctx: Action, args: Args) -> S;
}

impl<F, Args, S> StreamForm<Args, S, Direct> for F
where
    F: Fn(Action, Args) -> S + 'static,
{
    fn call(&self, ctx: Action, args: Args) -> S {
        self(ctx, args)
    }
}

impl<F: Impossible + 'static, Args, S> StreamForm<Args, S, NoWay> for F {
    fn call(&self, _: Action, _: Args) -> S {
        self.never()
    }
}

/// The arguments of a function.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a function",
    label = "its second parameter, `{Self}`, must implement `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to an owned type; a function without arguments takes `NoArgs`"
)]
pub trait FunctionArgs: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FunctionArgs for T {}

/// The answer of a function, inside its `Result`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a function",
    label = "the `Ok` of its `Result`, `{Self}`, must implement `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to the type"
)]
pub trait FunctionAnswer: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> FunctionAnswer for T {}

/// The return type of a function.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a function returns",
    label = "a function returns `Result<Answer, LunoraError>`",
    note = "a query and a mutation are not `async`; only an action is"
)]
pub trait FunctionResult {
    /// The answer.
    type Answer: FunctionAnswer;

    /// Returns the answer, or the error that the caller sees.
    ///
    /// # Errors
    /// The error of the function.
    fn into_answer(self) -> Result<Self::Answer, LunoraError>;
}

impl<T: FunctionAnswer, E: Into<LunoraError>> FunctionResult for Result<T, E> {
    type Answer = T;

    fn into_answer(self) -> Result<T, LunoraError> {
        self.map_err(Into::into)
    }
}

/// The return type of an action, which is `async`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function cannot be an action: it is not `async`",
    label = "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
    note = "a function that waits for nothing is better a query or a mutation"
)]
pub trait ActionFuture: Future + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Future + 'static> ActionFuture for T {}

/// The return type of a stream.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function cannot be a stream: it does not return one",
    label = "a stream has the form `fn(ctx: Action, args: Args) -> impl Stream<Item = Result<Chunk, LunoraError>>`",
    note = "a function with one answer is better an action"
)]
pub trait FunctionStream: Stream + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Stream + 'static> FunctionStream for T {}

impl<F, Args, R, Way> QueryHandler<(Args, R, Way)> for F
where
    F: QueryForm<Args, R, Way>,
    Args: FunctionArgs,
    R: FunctionResult,
{
    fn into_body(self) -> QueryBody {
        QueryBody(Body::Query(Box::new(move |ctx, args| {
            write_result(&self.call(ctx, read_args(args)?).into_answer()?)
        })))
    }
}

impl<F, Args, R, Way> MutationHandler<(Args, R, Way)> for F
where
    F: MutationForm<Args, R, Way>,
    Args: FunctionArgs,
    R: FunctionResult,
{
    fn into_body(self) -> MutationBody {
        MutationBody(Body::Mutation(Box::new(move |ctx, args| {
            write_result(&self.call(ctx, read_args(args)?).into_answer()?)
        })))
    }
}

impl<F, Args, R, Way> ActionHandler<(Args, R, Way)> for F
where
    F: ActionForm<Args, R, Way>,
    Args: FunctionArgs,
    R: ActionFuture,
    R::Output: FunctionResult,
{
    fn into_body(self) -> ActionBody {
        ActionBody(Body::Action(Box::new(move |ctx, args| {
            let answer = read_args(&args).map(|args| self.call(ctx, args));
            async move { write_result(&answer?.await.into_answer()?) }.boxed_local()
        })))
    }
}

impl<F, Args, S, Way> StreamHandler<(Args, S, Way)> for F
where
    F: StreamForm<Args, S, Way>,
    Args: FunctionArgs,
    S: FunctionStream,
    S::Item: FunctionResult,
{
    fn into_body(self) -> StreamBody {
        StreamBody(Body::Stream(Box::new(move |ctx, args| {
            let chunks = self.call(ctx, read_args(args)?);
            Ok(chunks.map(|chunk| write_result(&chunk.into_answer()?)).boxed_local())
        })))
    }
}
