//! The functions of an application for operators: a list, an OpenAPI document, an OpenRPC document.

use serde_json::{Map, Value, json};

use crate::{
    errors::LunoraError,
    functions::{FunctionInfo, FunctionKind, FunctionList},
    sort,
    wire::paths,
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

/// Describes one path, `POST /_lunora/rpc`, whose body is one of the functions' envelopes, as on
/// the wire.
fn open_api(functions: &[FunctionInfo]) -> Value {
    let mut paths = Map::new();
    if !functions.is_empty() {
        let envelopes: Vec<Value> = functions.iter().map(envelope).collect();
        paths.insert(
            paths::RPC.to_owned(),
            json!({ "post": {
                "operationId": "rpc",
                "summary": "Calls a function",
                "requestBody": {
                    "required": true,
                    "content": { "application/json": { "schema": { "oneOf": envelopes } } },
                },
                "responses": {
                    "200": {
                        "description": "What the function returned",
                        "content": { "application/json": { "schema": {
                            "type": "object",
                            "properties": { "result": {} },
                            "required": ["result"],
                        } } },
                    },
                    "default": {
                        "description": "An error",
                        "content": { "application/json": { "schema": error_schema() } },
                    },
                },
            } }),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Lunora API", "version": "0.0.0" },
        "paths": paths,
    })
}

fn envelope(function: &FunctionInfo) -> Value {
    let mut schema = json!({
        "type": "object",
        "title": function.path,
        "properties": {
            "functionPath": { "const": function.path },
            "args": args_schema(function),
            "shardKey": { "type": "string" },
        },
        "required": ["functionPath"],
    });
    if let Some(description) = &function.description {
        schema["description"] = json!(description);
    }
    schema
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "error": {
            "type": "object",
            "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
            "required": ["code", "message"],
        } },
        "required": ["error"],
    })
}

fn open_rpc(functions: &[FunctionInfo]) -> Value {
    let methods: Vec<Value> = functions.iter().map(method).collect();
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Lunora RPC", "version": "0.0.0" },
        "methods": methods,
    })
}

fn method(function: &FunctionInfo) -> Value {
    let schema = args_schema(function);
    let params: Vec<Value> = properties(&schema)
        .map(|(name, property)| {
            json!({ "name": name, "required": is_required(&schema, name), "schema": property })
        })
        .collect();
    let result = function.result.as_deref().and_then(|schema| read(schema.get()));
    let mut method = json!({
        "name": function.path,
        "paramStructure": "by-name",
        "params": params,
        "result": { "name": "result", "schema": result.unwrap_or_else(|| json!({})) },
        "tags": [{ "name": function.kind.as_str() }],
    });
    if let Some(description) = &function.description {
        method["description"] = json!(description);
    }
    method
}

/// Returns `[{"kind","name","optional","element"?}]`, sorted by name.
fn arguments(function: &FunctionInfo) -> Vec<Value> {
    let schema = args_schema(function);
    let mut arguments: Vec<Value> = properties(&schema)
        .map(|(name, property)| {
            let mut argument = json!({
                "kind": kind_of(property),
                "name": name,
                "optional": !is_required(&schema, name),
            });
            if let Some(items) = property.get("items") {
                argument["element"] = json!(kind_of(items));
            }
            argument
        })
        .collect();
    sort::sort_by(&mut arguments, |a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    arguments
}

/// Returns the schema of the arguments; any object if the schema is unknown or not that of an
/// object.
fn args_schema(function: &FunctionInfo) -> Value {
    let schema = function.args.as_deref().and_then(|schema| read(schema.get()));
    schema.filter(Value::is_object).unwrap_or_else(|| json!({ "type": "object" }))
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|required| required.iter().any(|required| required == name))
}

/// Returns the kind of an argument, in the terms of the reference's validators.
fn kind_of(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null")
        }
        _ => None,
    };
    match named {
        Some("integer") => "number",
        Some(name) => name,
        None if schema.get("const").is_some() => "literal",
        None if ["anyOf", "oneOf", "enum"].iter().any(|key| schema.get(key).is_some()) => "union",
        None => "any",
    }
}

fn read(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok()
}

fn write(value: &Value) -> Result<Vec<u8>, LunoraError> {
    serde_json::to_vec(value).map_err(LunoraError::internal)
}
