//! The functions of an application for operators: a list, an OpenAPI document, an OpenRPC document.

mod components;
mod open_api;
mod open_rpc;
mod parameters;

use serde_json::{Value, json};

use self::{
    components::{Components, pascal_case},
    open_api::open_api,
    open_rpc::open_rpc,
    parameters::{Parameter, kind_of, parameters},
};
use crate::{
    errors::LunoraError,
    functions::{FunctionInfo, FunctionKind, FunctionList},
    sort,
};

/// The kind of a document.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// OpenAPI 3.1.
    OpenApi,
    /// OpenRPC 1.3.
    OpenRpc,
}

impl Kind {
    /// Returns the document of an application that lists no functions.
    pub(super) const fn empty(self) -> &'static str {
        match self {
            Self::OpenApi => {
                r#"{"info":{"title":"Lunora API","version":"0.0.0"},"openapi":"3.1.0","paths":{}}"#
            }
            Self::OpenRpc => {
                r#"{"info":{"title":"Lunora RPC","version":"0.0.0"},"methods":[],"openrpc":"1.3.2"}"#
            }
        }
    }
}

/// Describes the functions of an application; only linked if some are listed.
pub(crate) trait Documented {
    /// Returns `{"functions":[{"args","kind","path"}]}`, without functions that no client can call
    /// directly.
    fn functions(&self) -> Result<Vec<u8>, LunoraError>;

    /// Returns a document of them.
    fn document(&self, kind: Kind) -> Result<Vec<u8>, LunoraError>;

    /// Returns whether `path` is a query.
    fn is_query(&self, path: &str) -> bool;
}

impl<T: FunctionList> Documented for T {
    fn functions(&self) -> Result<Vec<u8>, LunoraError> {
        functions(self)
    }

    fn document(&self, kind: Kind) -> Result<Vec<u8>, LunoraError> {
        document(kind, self)
    }

    fn is_query(&self, path: &str) -> bool {
        let is_query =
            |function: FunctionInfo| function.path == path && function.kind == FunctionKind::Query;
        self.functions().into_iter().any(is_query)
    }
}

fn functions(list: &dyn FunctionList) -> Result<Vec<u8>, LunoraError> {
    let functions: Vec<Value> = public(list)
        .iter()
        .map(|function| {
            json!({ "args": arguments(function), "kind": function.kind.as_str(), "path": function.path })
        })
        .collect();
    write(&json!({ "functions": functions }))
}

fn document(kind: Kind, list: &dyn FunctionList) -> Result<Vec<u8>, LunoraError> {
    let functions = public(list);
    write(&match kind {
        Kind::OpenApi => open_api(&functions),
        Kind::OpenRpc => open_rpc(&functions),
    })
}

/// Returns the functions that clients can call, sorted by path.
fn public(list: &dyn FunctionList) -> Vec<FunctionInfo> {
    let mut functions = list.functions();
    functions.retain(|function| !function.internal && function.kind != FunctionKind::Stream);
    sort::sort_by(&mut functions, |a, b| a.path.cmp(&b.path));
    functions.dedup_by(|a, b| a.path == b.path);
    functions
}

/// The statuses of errors that every function may answer with.
const STATUSES: [(u16, &str); 7] = [
    (400, "The call or an argument is invalid"),
    (401, "The caller is not signed in"),
    (403, "The caller may not do this"),
    (404, "There is no such function or document"),
    (409, "The call contradicts the state of the data"),
    (429, "There were too many calls"),
    (500, "The server failed"),
];

/// The schema of the body of every error.
const ERROR: &str = "LunoraError";

/// A function, with the references to its schemas.
struct Described<'a> {
    info: &'a FunctionInfo,
    /// What the names of its schemas begin with.
    name: String,
    args: Value,
    result: Value,
    parameters: Vec<Parameter>,
}

/// Describes the functions, and collects their schemas and that of errors.
fn described(functions: &[FunctionInfo]) -> (Vec<Described<'_>>, Components) {
    let mut components = Components::default();
    components.reserve(ERROR, &[""]);
    components.add(ERROR, error_schema());
    // The names of types yield to those of functions.
    let names: Vec<String> = functions
        .iter()
        .map(|function| {
            let suffixes = ["Answer", "Args", "Call", "Result"];
            components.reserve(&pascal_case(&function.path), &suffixes)
        })
        .collect();
    let functions = functions
        .iter()
        .zip(names)
        .map(|(info, name)| {
            let args = components.lift(&[&name, "Args"].concat(), args_schema(info));
            let result = components.lift(&[&name, "Result"].concat(), result_schema(info));
            let parameters = parameters(&args, &components);
            Described { info, name, args, result, parameters }
        })
        .collect();
    (functions, components)
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "error": {
            "type": "object",
            "properties": {
                "code": { "type": "string", "description": "The code that programs compare" },
                "message": { "type": "string", "description": "The message, for people" },
                "data": { "description": "Data for the program that reads the error" },
                "hint": {
                    "type": ["string", "array"],
                    "items": { "type": "string" },
                    "description": "The suggested fix",
                },
                "docsUrl": { "type": "string", "description": "Further documentation" },
            },
            "required": ["code", "message"],
        } },
        "required": ["error"],
    })
}

fn with_description(mut described: Value, function: &FunctionInfo) -> Value {
    if let Some(description) = &function.description {
        described["description"] = json!(description);
    }
    described
}

/// Returns `[{"kind","name","optional","element"?}]`, sorted by name.
fn arguments(function: &FunctionInfo) -> Vec<Value> {
    let mut components = Components::default();
    let args = components.lift("Args", args_schema(function));
    let mut parameters = parameters(&args, &components);
    sort::sort_by(&mut parameters, |a, b| a.name.cmp(&b.name));
    let argument = |parameter: &Parameter| {
        let mut argument = json!({
            "kind": kind_of(&parameter.schema, &components),
            "name": parameter.name,
            "optional": !parameter.required,
        });
        if let Some(items) = components.resolve(&parameter.schema).get("items") {
            argument["element"] = json!(kind_of(items, &components));
        }
        argument
    };
    parameters.iter().map(argument).collect()
}

/// Returns the schema of the arguments; any object if the schema is unknown or not that of an
/// object.
fn args_schema(function: &FunctionInfo) -> Value {
    let schema = function.args.as_deref().and_then(|schema| read(schema.get()));
    // Generators read an object without properties as one that must be empty.
    let any = || json!({ "type": "object", "additionalProperties": true });
    schema.filter(Value::is_object).unwrap_or_else(any)
}

/// Returns the schema of the result; any value if it is unknown.
fn result_schema(function: &FunctionInfo) -> Value {
    let schema = function.result.as_deref().and_then(|schema| read(schema.get()));
    schema.filter(|schema| schema.is_object() || schema.is_boolean()).unwrap_or_else(|| json!({}))
}

fn read(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok()
}

fn write(value: &Value) -> Result<Vec<u8>, LunoraError> {
    serde_json::to_vec(value).map_err(LunoraError::internal)
}
