//! The exports of a built crate, read from the type declarations wasm-bindgen writes for it.

/// The exports that matter for an entry point.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exports {
    /// Free functions: the handlers (`fetch`, `scheduled`, …) and whatever else the crate exports.
    pub(crate) functions: Vec<String>,
    /// `true` if JavaScript of the crate answers requests by plans: it exports `__lunora_front`.
    pub(crate) plans: bool,
    /// Classes, those not visible from outside included.
    pub(crate) classes: Vec<Class>,
}

/// A Rust struct under `#[wasm_bindgen]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// `true` if `index.js` exports it.
    pub(crate) exported: bool,
    /// The constructor's parameters; `None` without a public constructor.
    pub(crate) constructor: Option<Vec<String>>,
    /// The methods that return a promise.
    pub(crate) methods: Vec<String>,
}

impl Class {
    /// Returns whether `#[durable_object]` made this: it has a constructor of `state` and `env`, and
    /// `fetch`.
    pub(crate) fn is_durable_object(&self) -> bool {
        let constructor = self.constructor.as_deref().unwrap_or_default();
        self.exported
            && constructor == ["state", "env"]
            && self.methods.iter().any(|m| m == "fetch")
    }
}

impl Exports {
    /// Reads an `index.d.ts`: one declaration per line, class members indented.
    pub(crate) fn parse(declarations: &str) -> Self {
        let mut exports = Self::default();
        let mut inside = false;
        for line in declarations.lines() {
            if let Some(function) = line.strip_prefix("export function ") {
                exports.functions.extend(name_before_paren(function));
            } else if let Some(name) = renamed(line) {
                exports.functions.push(name.to_owned());
            } else if let Some(class) = class_header(line) {
                exports.classes.push(class);
                inside = true;
            } else if line.starts_with('}') {
                inside = false;
            } else if inside && let Some(class) = exports.classes.last_mut() {
                read_member(class, line.trim());
            }
        }
        exports.plans = exports.functions.iter().any(|name| name == "__lunora_front");
        exports.functions.retain(|name| !name.starts_with("__"));
        exports
    }
}

/// Returns `fetch` for `export { fetch2 as fetch }`: wasm-bindgen renames a function within the module if the crate also
/// imports a global of its name.
fn renamed(line: &str) -> Option<&str> {
    let list = line.strip_prefix("export {")?.trim_end_matches(';').strip_suffix('}')?;
    list.split_once(" as ").map(|(_, name)| name.trim())
}

fn class_header(line: &str) -> Option<Class> {
    let exported = line.starts_with("export ");
    let line = line.strip_prefix("export ").or_else(|| line.strip_prefix("declare "))?;
    let name = line.strip_prefix("class ")?.split([' ', '<', '{']).next()?;
    Some(Class { name: name.into(), exported, ..Class::default() })
}

fn read_member(class: &mut Class, line: &str) {
    if let Some(rest) = line.strip_prefix("constructor(") {
        let list = rest.split(')').next().unwrap_or_default();
        let names =
            list.split(',').filter_map(|p| Some(p.split([':', '?']).next()?.trim().to_owned()));
        class.constructor = Some(names.filter(|name| !name.is_empty()).collect());
    } else if line.contains("): Promise<") {
        class.methods.extend(name_before_paren(line));
    }
}

/// Returns `fetch` for `fetch(req: Request): …`, and `None` for `static …`, `get …`,
/// `[Symbol.dispose]()`.
fn name_before_paren(text: &str) -> Option<String> {
    let name = text.split(['(', '<']).next()?;
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    (!name.is_empty() && name.chars().all(word)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARATIONS: &str = r"
/* tslint:disable */
declare class IntoUnderlyingSource {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    cancel(): void;
    pull(controller: ReadableStreamDefaultController): Promise<any>;
}
export type { IntoUnderlyingSource };

/**
 * export class Comment {
 */
export class Room {
    free(): void;
    [Symbol.dispose](): void;
    alarm(): Promise<any>;
    fetch(req: Request): Promise<any>;
    constructor(state: any, env: any);
}

export class Client {
    free(): void;
    fetch(url: string): Promise<any>;
    constructor(url: string);
}

export class MinifyConfig {
    private constructor();
    css: boolean;
}

export function __wbg_reset_state(): void;

export function fetch(req: Request, env: any, ctx: any): Promise<any>;
";

    #[test]
    fn finds_handlers_and_objects_only() {
        let exports = Exports::parse(DECLARATIONS);
        assert_eq!(exports.functions, ["fetch"]);
        let objects: Vec<_> = exports.classes.iter().filter(|c| c.is_durable_object()).collect();
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].name, "Room");
        assert_eq!(objects[0].methods, ["alarm", "fetch"]);
    }

    #[test]
    fn keeps_hidden_classes_apart() {
        let exports = Exports::parse(DECLARATIONS);
        let source = &exports.classes[0];
        assert_eq!((source.name.as_str(), source.exported), ("IntoUnderlyingSource", false));
        assert_eq!(source.methods, ["pull"]);
        assert_eq!(source.constructor, None);
    }

    #[test]
    fn finds_a_handler_that_has_another_name_within_the_module() {
        let text = "declare function fetch2(req: Request, env: any, ctx: any): Promise<any>;\n\
            export { fetch2 as fetch }\nexport { IntoUnderlyingSource };\n";
        assert_eq!(Exports::parse(text).functions, ["fetch"]);
    }

    #[test]
    fn an_empty_crate_exports_nothing() {
        assert_eq!(Exports::parse("/* tslint:disable */\n"), Exports::default());
    }
}
