//! What can be a function: any `fn` of the right form.

use std::future::Future;

use futures::FutureExt;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Body,
    args::{read_args, write_result},
};
use crate::{
    errors::LunoraError,
    shard::context::{Action, Mutation, Query},
};

/// What can be a query: `fn(&Query, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a query",
    label = "a query has the form `fn(ctx: &Query<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "`Args` implements `serde::Deserialize`, `Answer` implements `serde::Serialize`; a function without arguments takes `NoArgs`"
)]
pub trait QueryHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> QueryBody;
}

/// What can be a mutation: `fn(&Mutation, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be a mutation",
    label = "a mutation has the form `fn(ctx: &Mutation<'_>, args: Args) -> Result<Answer, LunoraError>`",
    note = "`Args` implements `serde::Deserialize`, `Answer` implements `serde::Serialize`; a function without arguments takes `NoArgs`"
)]
pub trait MutationHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> MutationBody;
}

/// What can be an action: `async fn(Action, Args) -> Result<Answer, Error>`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be an action",
    label = "an action has the form `async fn(ctx: Action, args: Args) -> Result<Answer, LunoraError>`",
    note = "`Args` implements `serde::Deserialize`, `Answer` implements `serde::Serialize`; a function without arguments takes `NoArgs`"
)]
pub trait ActionHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_body(self) -> ActionBody;
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

impl<F, Args, Answer, E> QueryHandler<(Args, Answer, E)> for F
where
    F: Fn(&Query<'_>, Args) -> Result<Answer, E> + 'static,
    Args: DeserializeOwned,
    Answer: Serialize,
    E: Into<LunoraError>,
{
    fn into_body(self) -> QueryBody {
        QueryBody(Body::Query(Box::new(move |ctx, args| {
            write_result(&self(ctx, read_args(args)?).map_err(Into::into)?)
        })))
    }
}

impl<F, Args, Answer, E> MutationHandler<(Args, Answer, E)> for F
where
    F: Fn(&Mutation<'_>, Args) -> Result<Answer, E> + 'static,
    Args: DeserializeOwned,
    Answer: Serialize,
    E: Into<LunoraError>,
{
    fn into_body(self) -> MutationBody {
        MutationBody(Body::Mutation(Box::new(move |ctx, args| {
            write_result(&self(ctx, read_args(args)?).map_err(Into::into)?)
        })))
    }
}

impl<F, Future_, Args, Answer, E> ActionHandler<(Future_, Args, Answer, E)> for F
where
    F: Fn(Action, Args) -> Future_ + 'static,
    Future_: Future<Output = Result<Answer, E>> + 'static,
    Args: DeserializeOwned,
    Answer: Serialize,
    E: Into<LunoraError>,
{
    fn into_body(self) -> ActionBody {
        ActionBody(Body::Action(Box::new(move |ctx, args| {
            let answer = read_args(&args).map(|args| self(ctx, args));
            async move { write_result(&answer?.await.map_err(Into::into)?) }.boxed_local()
        })))
    }
}
