//! The entry point, `shim.js`, written for what a crate exports.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::exports::Exports;

/// The module that the shim builds on; the same for every crate.
pub(crate) const CONTAIN_JS: &str = include_str!("contain.js");

const HEADER: &str = r#"// Written by lunora-build for this crate's exports. See contain.js.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as wasm from "./index.js";
import { call, object, observe, respond, trackMethods } from "./contain.js";
"#;

/// How a crate answers requests whose calls JavaScript carries out. The function is the crate's own, of
/// its `front.js`.
const PLANS: &str = r#"
let front;
async function answer(request, env, ctx) {
  if (front === undefined) {
    const made = await respond(() => wasm.__lunora_front(env));
    if (typeof made !== "function") return made;
    front = made;
  }
  return front(wasm, respond, request, env, ctx);
}
"#;

/// The handlers the runtime calls; each has the event's own name in Rust, and takes `env` and `ctx`.
const HANDLERS: [(&str, &str); 5] = [
    ("fetch", "respond"),
    ("scheduled", "call"),
    ("queue", "call"),
    ("email", "call"),
    ("connect", "call"),
];

/// Returns the text of `shim.js`, which defines only what the crate exports. `versions` are those of the
/// schemas of the objects that have one.
pub(crate) fn generate(exports: &Exports, versions: &BTreeMap<String, u32>) -> String {
    let mut js = String::from(HEADER);
    let (objects, others): (Vec<_>, Vec<_>) =
        exports.classes.iter().partition(|class| class.is_durable_object());

    js.push('\n');
    for class in others.iter().filter(|class| !class.methods.is_empty()) {
        let _ = writeln!(js, "trackMethods(wasm.{}, {});", class.name, list(&class.methods));
    }

    if exports.plans {
        js.push_str(PLANS);
    }
    let handler = |name: &String| HANDLERS.iter().find(|(handler, _)| handler == name);
    // A class is instantiated for every event; an object is not, and cannot have other functions.
    let is_class = exports.functions.iter().any(|name| handler(name).is_none());
    js.push_str(if is_class {
        "\nexport default class extends WorkerEntrypoint {\n"
    } else {
        "\nexport default {\n"
    });
    for name in &exports.functions {
        let _ = match handler(name) {
            Some(("fetch", _)) if exports.plans && is_class => {
                writeln!(
                    js,
                    "  fetch(request) {{ return answer(request, this.env, observe(this.ctx)); }}"
                )
            }
            Some(("fetch", _)) if exports.plans => {
                writeln!(
                    js,
                    "  fetch(request, env, ctx) {{ return answer(request, env, observe(ctx)); }},"
                )
            }
            Some((_, run)) if is_class => {
                writeln!(
                    js,
                    "  {name}(event) {{ return {run}(() => wasm.{name}(event, this.env, observe(this.ctx))); }}"
                )
            }
            Some((_, run)) => {
                writeln!(
                    js,
                    "  {name}(event, env, ctx) {{ return {run}(() => wasm.{name}(event, env, observe(ctx))); }},"
                )
            }
            // Any other function can be called over a service binding.
            None => {
                writeln!(js, "  {name}(...args) {{ return call(() => wasm.{name}(...args)); }}")
            }
        };
    }
    js.push_str(if is_class { "}\n" } else { "};\n" });

    for class in objects {
        let _ = writeln!(
            js,
            "export const {0} = object(wasm.{0}, {1}{2});",
            class.name,
            list(&class.methods),
            versions.get(&class.name).map_or(String::new(), |version| format!(", {version}"))
        );
    }
    js
}

fn list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defines_what_is_exported_and_nothing_else() {
        let exports = Exports::parse(
            "export class Room {\n    fetch(req: Request): Promise<any>;\n    constructor(state: any, env: any);\n}\n\
             export class Options {\n    private constructor();\n}\n\
             export function fetch(req: Request, env: any, ctx: any): Promise<any>;\n\
             export function add(a: number, b: number): number;\n",
        );
        let js = generate(&exports, &BTreeMap::new());
        assert!(js.contains("fetch(event) { return respond("), "{js}");
        assert!(js.contains("add(...args) { return call(() => wasm.add(...args)); }"), "{js}");
        assert!(js.contains("export const Room = object(wasm.Room, [\"fetch\"]);"), "{js}");
        let versions = BTreeMap::from([("Room".to_owned(), 3)]);
        let js = generate(&exports, &versions);
        assert!(js.contains("export const Room = object(wasm.Room, [\"fetch\"], 3);"), "{js}");
        for absent in ["scheduled", "queue", "email", "alarm", "webSocket", "Options"] {
            assert!(!js.contains(absent), "{absent} in {js}");
        }
    }

    #[test]
    fn the_application_is_built_before_the_first_call_is_planned() {
        let exports = Exports::parse(
            "export function __lunora_front(env: any): any;\n\
             export function fetch(a: any, b: any, c: any): any;",
        );
        let js = generate(&exports, &BTreeMap::new());
        assert!(js.contains("respond(() => wasm.__lunora_front(env))"), "{js}");
    }

    #[test]
    fn handlers_alone_need_no_class() {
        let js = generate(
            &Exports::parse("export function fetch(a: any, b: any, c: any): any;"),
            &BTreeMap::new(),
        );
        assert!(js.contains("export default {\n  fetch(event, env, ctx) {"), "{js}");
        assert!(!js.contains("extends WorkerEntrypoint"), "{js}");
    }

    #[test]
    fn a_failing_cron_is_not_answered() {
        let js = generate(
            &Exports::parse("export function scheduled(a: any, b: any, c: any): Promise<any>;"),
            &BTreeMap::new(),
        );
        assert!(js.contains("scheduled(event, env, ctx) { return call("), "{js}");
        assert!(!js.contains("return respond("), "{js}");
    }

    #[test]
    fn hidden_classes_are_watched_not_exported() {
        let exports =
            Exports::parse("declare class Source {\n    pull(c: Controller): Promise<any>;\n}\n");
        let js = generate(&exports, &BTreeMap::new());
        assert!(js.contains("trackMethods(wasm.Source, [\"pull\"]);"), "{js}");
        assert!(!js.contains("export const Source"), "{js}");
    }
}
