//! The functions of a shard, by their paths.

pub(crate) mod args;
mod handler;
#[cfg(feature = "schema")]
pub mod schemas;

use std::{borrow::Cow, collections::BTreeMap};

use futures::{future::LocalBoxFuture, stream::LocalBoxStream};

pub use self::{
    args::NoArgs,
    handler::{ActionHandler, MutationHandler, QueryHandler, StreamHandler},
};
use super::{
    action::Action,
    context::{Mutation, Query},
    run::{Callees, Run},
};
use crate::{
    errors::{Code, LunoraError},
    functions::{FunctionInfo, FunctionKind, FunctionPathError, check_path},
};

/// The kind of a function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Query,
    Mutation,
    Action,
    Stream,
}

/// A function, with its types behind it.
pub(crate) struct Function {
    body: Body,
    pub(crate) internal: bool,
    #[cfg(feature = "schema")]
    schemas: Option<schemas::Describe>,
}

pub(crate) enum Body {
    Query(Box<QueryFn>),
    Mutation(Box<MutationFn>),
    Action(Box<ActionFn>),
    Stream(Box<StreamFn>),
}

type QueryFn = dyn Fn(&Query<'_>, &str) -> Answer;
type MutationFn = dyn Fn(&Mutation<'_>, &str) -> Answer;
type ActionFn = dyn Fn(Action, String) -> LocalBoxFuture<'static, Answer>;
type StreamFn = dyn Fn(Action, &str) -> Result<LocalBoxStream<'static, Answer>, LunoraError>;

/// The answer of a function, as JSON text in wire form.
type Answer = Result<String, LunoraError>;

/// The functions of a shard.
#[derive(Default)]
pub(crate) struct Functions {
    by_path: BTreeMap<Cow<'static, str>, Function>,
}

impl Functions {
    pub(crate) fn add(
        &mut self,
        path: Cow<'static, str>,
        body: Body,
        internal: bool,
    ) -> Result<(), FunctionPathError> {
        check_path(&path)?;
        if self.by_path.contains_key(&path) {
            return Err(FunctionPathError::Taken);
        }
        let function = Function {
            body,
            internal,
            #[cfg(feature = "schema")]
            schemas: None,
        };
        self.by_path.insert(path, function);
        Ok(())
    }

    /// Registers the schemas of a function, which are built on demand.
    #[cfg(feature = "schema")]
    pub(crate) fn describe(&mut self, path: &str, schemas: schemas::Describe) {
        if let Some(function) = self.by_path.get_mut(path) {
            function.schemas = Some(schemas);
        }
    }

    /// Returns the function of a call's path: only the server finds an internal one, and a stream is
    /// not called.
    pub(crate) fn find(&self, path: &str, system: bool) -> Result<&Function, LunoraError> {
        let is_callable = |it: &&Function| (system || !it.internal) && it.kind() != Kind::Stream;
        let function = self.by_path.get(path).filter(is_callable);
        function.ok_or_else(|| not_registered(path))
    }

    /// Returns a function of a kind, internal ones included.
    pub(crate) fn of_kind(&self, path: &str, kind: Kind) -> Result<&Function, LunoraError> {
        let function = self.by_path.get(path).filter(|function| function.kind() == kind);
        function.ok_or_else(|| not_registered(path))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.by_path.iter().map(|(path, function)| (&**path, function))
    }
}

impl Callees for Functions {
    fn query(&self, run: &Run<'_>, path: &str, args: &str) -> Result<String, LunoraError> {
        let function = self.of_kind(path, Kind::Query)?;
        run.deeper(|| function.query(&Query::new(run), args))
    }

    fn mutation(&self, run: &Run<'_>, path: &str, args: &str) -> Result<String, LunoraError> {
        let function = self.of_kind(path, Kind::Mutation)?;
        run.deeper(|| function.mutation(&Mutation::new(run), args)).map_err(|error| run.doom(error))
    }

    fn check_schedulable(&self, path: &str) -> Result<(), LunoraError> {
        self.of_kind(path, Kind::Mutation).or_else(|_| self.of_kind(path, Kind::Action)).map(drop)
    }
}

impl Function {
    pub(crate) fn kind(&self) -> Kind {
        match self.body {
            Body::Query(_) => Kind::Query,
            Body::Mutation(_) => Kind::Mutation,
            Body::Action(_) => Kind::Action,
            Body::Stream(_) => Kind::Stream,
        }
    }

    /// Returns its description for operators and API documents.
    pub(crate) fn info(&self, path: &str) -> FunctionInfo {
        let mut info = FunctionInfo::new(path, self.kind().into());
        info.internal = self.internal;
        #[cfg(feature = "schema")]
        if let Some(describe) = self.schemas {
            return describe(info);
        }
        info
    }

    pub(crate) fn query(&self, ctx: &Query<'_>, args: &str) -> Result<String, LunoraError> {
        match &self.body {
            Body::Query(body) => body(ctx, args),
            _ => Err(another_kind()),
        }
    }

    pub(crate) fn mutation(&self, ctx: &Mutation<'_>, args: &str) -> Result<String, LunoraError> {
        match &self.body {
            Body::Mutation(body) => body(ctx, args),
            _ => Err(another_kind()),
        }
    }

    pub(crate) async fn action(&self, ctx: Action, args: String) -> Result<String, LunoraError> {
        match &self.body {
            Body::Action(body) => body(ctx, args).await,
            _ => Err(another_kind()),
        }
    }

    /// Starts a stream and returns its chunks.
    pub(crate) fn stream(
        &self,
        ctx: Action,
        args: &str,
    ) -> Result<LocalBoxStream<'static, Answer>, LunoraError> {
        match &self.body {
            Body::Stream(body) => body(ctx, args),
            _ => Err(another_kind()),
        }
    }
}

impl From<Kind> for FunctionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Query => Self::Query,
            Kind::Mutation => Self::Mutation,
            Kind::Action => Self::Action,
            Kind::Stream => Self::Stream,
        }
    }
}

/// Returns the same error for a function that is missing or hidden from this caller.
pub(crate) fn not_registered(path: &str) -> LunoraError {
    let path: String = path.chars().take(256).collect();
    LunoraError::new(Code::FunctionNotFound, format!("function not registered: {path}"))
}

fn another_kind() -> LunoraError {
    LunoraError::internal("a function was run as another kind than its own")
}
