//! Functions seen from outside: their paths, references from code, and descriptions for operators.

mod path;
mod reference;
mod rest;
#[cfg(feature = "schema")]
mod schema;

use std::rc::Rc;

use serde_json::value::RawValue;

pub(crate) use self::path::check_path;
#[cfg(feature = "shard")]
pub(crate) use self::rest::check as check_rest;
pub use self::{
    path::FunctionPathError,
    reference::FunctionRef,
    rest::{RestRoute, RestRouteError},
};

/// Lists the functions of an application, for `/_lunora/admin/functions` and the API documents.
///
/// A `Vec` of descriptions implements it.
///
/// ```
/// use lunora::functions::{FunctionInfo, FunctionKind, FunctionList};
///
/// let functions = vec![
///     FunctionInfo::new("messages:list", FunctionKind::Query),
///     FunctionInfo::new("messages:sweep", FunctionKind::Mutation).internal(),
/// ];
/// assert_eq!(functions.functions().len(), 2);
/// ```
pub trait FunctionList: 'static {
    /// Returns every function, in any order.
    fn functions(&self) -> Vec<FunctionInfo>;
}

impl FunctionList for Vec<FunctionInfo> {
    fn functions(&self) -> Vec<FunctionInfo> {
        self.clone()
    }
}

impl<T: FunctionList> FunctionList for Rc<T> {
    fn functions(&self) -> Vec<FunctionInfo> {
        (**self).functions()
    }
}

/// The description of a function for operators.
///
/// ```
/// use lunora::functions::{FunctionInfo, FunctionKind};
///
/// let send = FunctionInfo::new("messages:send", FunctionKind::Mutation)
///     .describe("Says something in a channel.")
///     .args_schema(r#"{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"#)?;
/// assert_eq!(send.path, "messages:send");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FunctionInfo {
    /// The path by which it is called: `"messages:send"`.
    pub path: String,
    /// The kind of the function.
    pub kind: FunctionKind,
    /// `true` if only the server may call it; such a function is never listed.
    pub internal: bool,
    /// A sentence that describes it.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, an object schema. It may refer to its own `$defs`.
    pub args: Option<Box<RawValue>>,
    /// The JSON Schema of its result. It may refer to its own `$defs`.
    pub result: Option<Box<RawValue>>,
    /// The routes at which it answers plain HTTP.
    pub rest: Vec<RestRoute>,
}

impl FunctionInfo {
    /// Creates the description of a function that clients may call, with unknown arguments.
    pub fn new(path: impl Into<String>, kind: FunctionKind) -> Self {
        Self {
            path: path.into(),
            kind,
            internal: false,
            description: None,
            args: None,
            result: None,
            rest: Vec::new(),
        }
    }

    /// Marks the function as callable by the server only.
    #[must_use]
    pub fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// Adds a route at which the function answers plain HTTP.
    #[must_use]
    pub fn at(mut self, route: RestRoute) -> Self {
        self.rest.push(route);
        self
    }

    /// Sets the sentence that describes the function.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the JSON Schema of its arguments, from JSON text.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub fn args_schema(mut self, schema: &str) -> Result<Self, serde_json::Error> {
        self.args = Some(RawValue::from_string(schema.to_owned())?);
        Ok(self)
    }

    /// Sets the JSON Schema of its result, from JSON text.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub fn result_schema(mut self, schema: &str) -> Result<Self, serde_json::Error> {
        self.result = Some(RawValue::from_string(schema.to_owned())?);
        Ok(self)
    }

    /// Sets the schemas of its arguments and its result from their types. Requires the feature
    /// `schema`.
    ///
    /// ```
    /// use lunora::functions::{FunctionInfo, FunctionKind};
    /// use schemars::JsonSchema;
    ///
    /// #[derive(JsonSchema)]
    /// # #[allow(dead_code)]
    /// struct Send { text: String }
    ///
    /// let send = FunctionInfo::new("messages:send", FunctionKind::Mutation).typed::<Send, String>();
    /// assert!(send.args.is_some_and(|schema| schema.get().contains("text")));
    /// ```
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn typed<Args: schemars::JsonSchema, Output: schemars::JsonSchema>(self) -> Self {
        self.typed_args::<Args>().typed_result::<Output>()
    }

    #[cfg(feature = "schema")]
    pub(crate) fn typed_args<Args: schemars::JsonSchema>(mut self) -> Self {
        self.args = schema::sent::<Args>();
        self
    }

    #[cfg(feature = "schema")]
    pub(crate) fn typed_result<Output: schemars::JsonSchema>(mut self) -> Self {
        self.result = schema::received::<Output>();
        self
    }
}

/// The kind of a function, by its effect on the shard.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FunctionKind {
    /// Reads.
    Query,
    /// Writes, in one transaction.
    Mutation,
    /// Does anything else, and may call the others.
    Action,
    /// Responds in pieces.
    Stream,
}

impl FunctionKind {
    /// Returns the name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Action => "action",
            Self::Stream => "stream",
        }
    }
}
