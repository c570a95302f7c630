//! The changes to `index.js`, the JavaScript wasm-bindgen writes.
//!
//! With its abort handler on, wasm-bindgen routes whatever leaves wasm as a trap or as an exception
//! nobody catches through one function, and calls a hook there. The change: that hook is ours.
//!
//! By default the hook asks for a new instance, made by whichever call into wasm comes next. That may
//! be a timer of the dead instance, which would then run on the memory of the new one. Ours asks for
//! nothing, so the glue refuses every call until `contain.js` makes the new instance.

use crate::{Error, exports::Exports};

const HOOK: &str = "function __wbg_call_abort_hook() {";
const CATCH: &str = "    __wbg_call_abort_hook();\n    throw e;\n";

/// `index.js`, ready for workerd and for `contain.js`.
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
    let mut js = replace_once(&js, CATCH, "    __lunora_trapped(e);\n    throw e;\n")?;

    let hidden =
        exports.classes.iter().filter(|class| !class.exported && !class.methods.is_empty());
    for class in hidden {
        js.push_str(&format!("export {{ {} }};\n", class.name));
    }
    Ok(js)
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
        function __wbg_handle_catch(e) {\n    __wbg_call_abort_hook();\n    throw e;\n}\n";

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
    fn refuses_glue_it_does_not_know() {
        let unknown = GLUE.replace("__wbg_call_abort_hook() {", "__wbg_something_else() {");
        let result = adapt(&unknown, &Exports::default());
        assert!(matches!(result, Err(Error::Glue(HOOK))), "{result:?}");
    }
}
