//! The OpenAPI document.

use serde_json::{Map, Value, json};

use super::{Described, ERROR, STATUSES, components::reference, described, with_description};
use crate::{
    functions::{FunctionInfo, FunctionKind, RestRoute},
    wire::paths,
};

/// Describes one path, `POST /_lunora/rpc`: paths of OpenAPI are those of URLs, and every function
/// is called at this one. `functionPath` tells the calls apart.
pub(super) fn open_api(functions: &[FunctionInfo]) -> Value {
    let (functions, mut components) = described(functions);
    let mut calls = Vec::new();
    let mut answers = Vec::new();
    let mut mapping = Map::new();
    for function in &functions {
        let name = &function.name;
        let call = components.add(&[name, "Call"].concat(), call(function));
        mapping.insert(function.info.path.clone(), json!(call["$ref"]));
        calls.push(call);
        answers.push(components.add(&[name, "Answer"].concat(), answer(function)));
    }
    let mut paths = Map::new();
    if !functions.is_empty() {
        paths.insert(
            paths::RPC.to_owned(),
            json!({ "post": {
                "operationId": "rpc",
                "summary": "Calls a function",
                "description":
                    "The body of a call is the schema `…Call` of its function, and its answer `…Answer`.",
                "requestBody": {
                    "required": true,
                    "content": { "application/json": { "schema": {
                        "oneOf": calls,
                        "discriminator": { "propertyName": "functionPath", "mapping": mapping },
                    } } },
                },
                "responses": responses(&answers),
            } }),
        );
    }
    for function in &functions {
        for (place, route) in function.info.rest.iter().enumerate() {
            let operations = paths.entry(route.path().to_owned()).or_insert_with(|| json!({}));
            operations[route.method().to_ascii_lowercase()] = operation(function, route, place);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Lunora API", "version": "0.0.0" },
        "paths": paths,
        "components": { "schemas": components.into_schemas() },
    })
}

/// Describes a function at one of its routes.
fn operation(function: &Described<'_>, route: &RestRoute, place: usize) -> Value {
    let in_path: Vec<&str> = route.names().collect();
    let schema_of = |name: &str| {
        let own = function.parameters.iter().find(|parameter| parameter.name == name);
        own.map_or_else(|| json!({ "type": "string" }), |own| own.schema.clone())
    };
    let parameter = |name: &str, place: &str, required: bool| json!({ "name": name, "in": place, "required": required, "schema": schema_of(name) });
    let mut parameters: Vec<Value> =
        in_path.iter().map(|name| parameter(name, "path", true)).collect();
    if !in_path.contains(&"shardKey") {
        parameters.push(parameter("shardKey", "query", false));
    }
    let others = || function.parameters.iter().filter(|own| !in_path.contains(&&*own.name));
    let (first, rest) = function.name.split_at(function.name.len().min(1));
    let id = format!("{}{rest}At{}", first.to_ascii_lowercase(), place + 1);
    let mut operation = json!({
        "operationId": id,
        "responses": responses(std::slice::from_ref(&function.result)),
    });
    if route.method() == "GET" {
        parameters.extend(others().map(|own| parameter(&own.name, "query", own.required)));
    } else {
        let properties: Map<String, Value> =
            others().map(|own| (own.name.clone(), own.schema.clone())).collect();
        let required: Vec<&str> =
            others().filter(|own| own.required).map(|own| &*own.name).collect();
        operation["requestBody"] = json!({
            "required": !required.is_empty(),
            "content": { "application/json": { "schema": {
                "type": "object", "properties": properties, "required": required,
            } } },
        });
    }
    operation["parameters"] = Value::Array(parameters);
    with_description(operation, function.info)
}

fn call(function: &Described<'_>) -> Value {
    let mut required = vec!["functionPath"];
    if function.parameters.iter().any(|parameter| parameter.required) {
        required.push("args");
    }
    let call = json!({
        "type": "object",
        "title": function.info.path,
        "properties": {
            "functionPath": { "type": "string", "const": function.info.path },
            "args": function.args,
            "shardKey": { "type": "string", "description": "The shard to call" },
        },
        "required": required,
    });
    with_description(call, function.info)
}

fn answer(function: &Described<'_>) -> Value {
    let mut answer = json!({
        "type": "object",
        "properties": { "result": function.result },
        "required": ["result"],
    });
    if function.info.kind == FunctionKind::Mutation {
        answer["properties"]["commitCursor"] = json!({
            "type": "number",
            "description": "The position of the write in the change log of its shard",
        });
        answer["properties"]["lastMutationId"] = json!({
            "type": "number",
            "description": "The sequence number up to which the client's mutations are applied",
        });
    }
    answer
}

fn responses(answers: &[Value]) -> Value {
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut responses = Map::new();
    let ok = json!({
        "description": "What the function returned",
        "content": content(json!({ "anyOf": answers })),
    });
    responses.insert("200".to_owned(), ok);
    for (status, description) in STATUSES {
        let error = json!({ "description": description, "content": content(reference(ERROR)) });
        responses.insert(status.to_string(), error);
    }
    let other = json!({ "description": "Another error", "content": content(reference(ERROR)) });
    responses.insert("default".to_owned(), other);
    Value::Object(responses)
}
