//! The changes to `index.js`, the JavaScript wasm-bindgen writes.
//!
//! With its abort handler on, wasm-bindgen passes every trap and every uncaught exception that leaves
//! wasm through one function, and calls a hook there. This module replaces that hook.
//!
//! By default the hook requests a new instance, which the next call into wasm makes. That call may come
//! from a timer of the dead instance, which would then run on the memory of the new one. Our hook does
//! not request one, so the glue refuses every call until `contain.js` makes the new instance.
//!
//! The glue copies a text into wasm character by character. A long one is written by the runtime, which
//! takes a small part of the time.

use std::collections::HashSet;

use crate::{Error, exports::Exports};

const HOOK: &str = "function __wbg_call_abort_hook() {";
const COPY: &str = "\n    const mem = getUint8ArrayMemory0();\n\n    let offset = 0;\n";
const CATCH: &str = "    __wbg_call_abort_hook();\n    throw e;\n";

/// A text that fills its bytes is ASCII, and written; any other is written again by what follows.
const WRITE_LONG: &str = "    if (len > 2048) {\n        \
    const { read } = cachedTextEncoder.encodeInto(arg, mem.subarray(ptr, ptr + len));\n        \
    if (read === len) offset = len;\n    }\n";

/// Adapts `index.js` to workerd and to `contain.js`.
pub(crate) fn adapt(js: &str, exports: &Exports) -> Result<String, Error> {
    // workerd imports a .wasm file as a compiled module; it knows no source-phase imports.
    let js = replace_once(js, "import source ", "import ")?;
    let js = replace_once(
        &js,
        HOOK,
        "let __lunora_trapped = () => {};\n\
         export function onTrap(listener) { __lunora_trapped = listener; }\n\
         function __wbg_call_abort_hook() {}\n\
         function __wbg_unused_abort_hook() {",
    )?;
    let js = replace_once(&js, CATCH, "    __lunora_trapped(e);\n    throw e;\n")?;
    let js = replace_once(&js, COPY, &format!("{COPY}{WRITE_LONG}"))?;
    let mut js = import_once(&without_layouts(&js));

    let hidden =
        exports.classes.iter().filter(|class| !class.exported && !class.methods.is_empty());
    for class in hidden {
        js.push_str(&format!("export {{ {} }};\n", class.name));
    }
    Ok(js)
}

/// Drops the static methods of the functions that `schema::module` removes.
fn without_layouts(js: &str) -> String {
    const METHOD: &str = "    static __layout() {\n";
    const END: &str = "\n    }\n";

    let mut rest = js;
    let mut kept = String::with_capacity(js.len());
    while let Some((before, after)) = rest.split_once(METHOD) {
        let comment = before.ends_with("*/\n").then(|| before.rfind("    /**\n")).flatten();
        kept.push_str(comment.map_or(before, |at| before.split_at(at).0));
        rest = after.split_once(END).map_or("", |(_, rest)| rest);
    }
    kept.push_str(rest);
    kept
}

/// Drops repeated imports: wasm-bindgen names a module once per function, as the same key of the same
/// object, and bundlers warn of each.
fn import_once(js: &str) -> String {
    let mut seen = HashSet::new();
    let again: HashSet<&str> = js
        .lines()
        .filter_map(namespace_entry)
        .filter(|(module, _)| !seen.insert(*module))
        .map(|(_, name)| name)
        .collect();
    js.lines()
        .filter(|line| {
            let name =
                namespace_entry(line).map(|(_, name)| name).or_else(|| namespace_import(line));
            !name.is_some_and(|name| again.contains(name))
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Returns module and name of a line `"./module.js": import1,`.
fn namespace_entry(line: &str) -> Option<(&str, &str)> {
    let (module, name) = line.trim().strip_suffix(',')?.split_once("\": ")?;
    let digits = name.strip_prefix("import")?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((module.strip_prefix('"')?, name))
}

/// Returns the name of a line `import * as import1 from "./module.js"`.
fn namespace_import(line: &str) -> Option<&str> {
    line.strip_prefix("import * as ")?.split_once(' ').map(|(name, _)| name)
}

fn replace_once(text: &str, from: &'static str, to: &str) -> Result<String, Error> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        _ => Err(Error::Glue(from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLUE: &str = "import source wasmModule from \"./index_bg.wasm\";\n\
        class Source {}\n\
        function __wbg_call_abort_hook() {\n}\n\
        function __wbg_handle_catch(e) {\n    __wbg_call_abort_hook();\n    throw e;\n}\n\
        function passStringToWasm0(arg, malloc, realloc) {\n    let len = arg.length;\n    \
        let ptr = malloc(len, 1) >>> 0;\n\n    const mem = getUint8ArrayMemory0();\n\n    let offset = 0;\n\n    \
        for (; offset < len; offset++) {\n    }\n}\n";

    #[test]
    fn takes_over_the_hook() -> Result<(), Error> {
        let exports =
            Exports::parse("declare class Source {\n    pull(c: Controller): Promise<any>;\n}\n");
        let js = adapt(GLUE, &exports)?;
        assert!(js.starts_with("import wasmModule from"), "{js}");
        assert!(js.contains("    __lunora_trapped(e);\n    throw e;\n"), "{js}");
        assert!(js.ends_with("export { Source };\n"), "{js}");
        Ok(())
    }

    #[test]
    fn the_runtime_writes_a_long_text() -> Result<(), Error> {
        let js = adapt(GLUE, &Exports::default())?;
        let (before, after) = js.split_once("encodeInto(arg, ").unwrap_or_default();
        assert!(
            before.ends_with("if (len > 2048) {\n        const { read } = cachedTextEncoder."),
            "{js}"
        );
        assert!(after.contains("offset = len;\n    }\n\n    for (; offset < len;"), "{js}");
        Ok(())
    }

    #[test]
    fn drops_what_only_the_build_calls() {
        let js = "class Room {\n    free() {\n    }\n    /**\n     * Returns.\n     */\n    static __layout() {\n        \
            try {\n        }\n        return 1;\n    }\n    fetch() {\n    }\n}\n";
        let kept = "class Room {\n    free() {\n    }\n    fetch() {\n    }\n}\n";
        assert_eq!(without_layouts(js), kept);
        assert_eq!(without_layouts(kept), kept);
    }

    #[test]
    fn imports_a_module_once() {
        let js = "import * as import1 from \"./a.js\"\n\
            import * as import2 from \"./b.js\"\n\
            import * as import3 from \"./a.js\"\n\
            return {\n    \"./index_bg.js\": import0,\n    \"./a.js\": import1,\n    \"./b.js\": import2,\n    \
            \"./a.js\": import3,\n};\n";
        let once = import_once(js);
        assert_eq!(once.matches("./a.js").count(), 2, "{once}");
        assert_eq!(once.matches("./b.js").count(), 2, "{once}");
        assert!(!once.contains("import3"), "{once}");
        assert!(once.contains("import0"), "{once}");
    }

    #[test]
    fn refuses_glue_it_does_not_know() {
        let unknown = GLUE.replace("__wbg_call_abort_hook() {", "__wbg_something_else() {");
        let result = adapt(&unknown, &Exports::default());
        assert!(matches!(result, Err(Error::Glue(HOOK))), "{result:?}");
    }
}
