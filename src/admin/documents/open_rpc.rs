//! The OpenRPC document.

use serde_json::{Map, Value, json};

use super::{Described, STATUSES, described, with_description};
use crate::functions::FunctionInfo;

/// Describes one method per function.
pub(super) fn open_rpc(functions: &[FunctionInfo]) -> Value {
    let (functions, components) = described(functions);
    let methods: Vec<Value> = functions.iter().map(method).collect();
    // One by one: collecting them would link a sort.
    let mut errors = Map::new();
    for (status, message) in STATUSES {
        errors.insert(format!("Status{status}"), json!({ "code": status, "message": message }));
    }
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Lunora RPC", "version": "0.0.0" },
        "methods": methods,
        "components": { "schemas": components.into_schemas(), "errors": errors },
    })
}

fn method(function: &Described<'_>) -> Value {
    // By name, their order is free; some generators want those that may be left out to come last.
    let (required, optional): (Vec<_>, Vec<_>) =
        function.parameters.iter().partition(|parameter| parameter.required);
    let parameters = required.into_iter().chain(optional);
    let params: Vec<Value> = parameters
        .map(|parameter| {
            json!({
                "name": parameter.name, "required": parameter.required, "schema": parameter.schema,
            })
        })
        .collect();
    let errors: Vec<Value> = STATUSES
        .iter()
        .map(|(status, _)| json!({ "$ref": format!("#/components/errors/Status{status}") }))
        .collect();
    let method = json!({
        "name": function.info.path,
        "paramStructure": "by-name",
        "params": params,
        "result": { "name": "result", "schema": function.result },
        "errors": errors,
        "tags": [{ "name": function.info.kind.as_str() }],
    });
    with_description(method, function.info)
}
