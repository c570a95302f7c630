//! Asks the classes of a module how their documents look, by running it.

use std::path::Path;

use wasmi::{Engine, ExternType, Func, Linker, Module, Store, Val, errors::ErrorKind};

use super::layout::Layout;
use crate::Error;

/// Between the class and a number, in the names of the functions.
const INFIX: &str = "___layout_";

/// The functions by which wasm-bindgen asks about those.
const OF_BINDGEN: &str = "__wbindgen_";

/// Returns the layout of each class, in the order of their names.
pub(super) fn layouts(path: &Path, wasm: &[u8]) -> Result<Vec<Layout>, Error> {
    let failed = |reason: String| Error::Layout { path: path.into(), reason };
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).map_err(|error| failed(error.to_string()))?;
    let names: Vec<String> = module
        .exports()
        .map(|export| export.name().to_owned())
        .filter(|name| name.contains(INFIX) && !name.starts_with(OF_BINDGEN))
        .collect();
    let layouts: Result<Vec<Layout>, Error> =
        names.iter().map(|name| layout(&engine, &module, name).map_err(failed)).collect();
    let mut layouts = layouts?;
    layouts.sort_by(|one, other| one.class.cmp(&other.class));
    Ok(layouts)
}

/// Removes the functions, and all that only they need: a Worker does not.
pub(crate) fn strip(module: &mut walrus::Module) {
    let own = |name: &str| name.ends_with(INFIX.trim_end_matches('_'));
    let exports: Vec<_> =
        module.exports.iter().filter(|it| own(&it.name)).map(walrus::Export::id).collect();
    for export in exports {
        module.exports.delete(export);
    }
    walrus::passes::gc::run(module);
}

/// Calls one of the functions, in an instance of its own.
fn layout(engine: &Engine, module: &Module, name: &str) -> Result<Layout, String> {
    let text = |error: wasmi::Error| match error.kind() {
        ErrorKind::TrapCode(code) => format!("a type of a table panics when it is read: {code}"),
        _ => error.to_string(),
    };
    let mut store = Store::new(engine, ());
    let mut linker = Linker::new(engine);
    // Nothing of the host is needed to read a type.
    for import in module.imports() {
        let ExternType::Func(of) = import.ty() else {
            return Err(format!("it imports `{}`, which is not a function", import.name()));
        };
        let called = import.name().to_owned();
        let absent = Func::new(&mut store, of.clone(), move |_, _, _| {
            Err(wasmi::Error::new(format!("a type of a table calls `{called}` when it is read")))
        });
        linker.define(import.module(), import.name(), absent).map_err(|error| error.to_string())?;
    }
    let instance = linker.instantiate_and_start(&mut store, module).map_err(text)?;
    let function = instance.get_func(&store, name).ok_or("the function is missing")?;
    let mut address = [Val::I32(0)];
    function.call(&mut store, &[], &mut address).map_err(text)?;
    let memory = instance.get_memory(&store, "memory").ok_or("the module has no memory")?;
    let memory = memory.data(&store);
    let [Val::I32(address)] = address else { return Err("the function returns no address".into()) };
    read(memory, address.cast_unsigned()).ok_or("the address is outside the memory")?
}

/// Reads a text behind its length.
fn read(memory: &[u8], address: u32) -> Option<Result<Layout, String>> {
    let rest = memory.get(usize::try_from(address).ok()?..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some(serde_json::from_slice(text).map_err(|error| error.to_string()))
}
