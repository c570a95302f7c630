//! Puts functions that resemble each other side by side, since gzip finds repetitions within 32 KiB only.

use std::collections::HashMap;

use wasm_encoder::reencode::{Error, Reencode};
use wasmparser::{
    BinaryReaderError, CodeSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload,
    TypeRef,
};

/// The length of the pieces by which functions are compared, in bytes.
const PIECE: usize = 6;

/// A piece that more functions have tells nothing.
const COMMON: usize = 60;

/// How many functions the next one is compared with.
const RECENT: usize = 12;

/// Returns the same module with its functions in another order.
pub(crate) fn reorder(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let mut functions = Functions::read(wasm).map_err(|error| error.to_string())?;
    let mut module = wasm_encoder::Module::new();
    functions
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| error.to_string())?;
    Ok(module.finish())
}

/// The functions of a module, by their number without the imported ones.
struct Functions {
    imported: u32,
    /// The old numbers in the new order.
    order: Vec<usize>,
    /// The new numbers in the old order.
    places: Vec<u32>,
}

impl Functions {
    fn read(wasm: &[u8]) -> Result<Self, BinaryReaderError> {
        let (mut imported, mut bodies) = (0, Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
                _ => {}
            }
        }
        let order = order(&bodies);
        let mut places = vec![0; order.len()];
        for (place, function) in (0..).zip(&order) {
            places[*function] = place;
        }
        Ok(Self { imported, order, places })
    }
}

impl Reencode for Functions {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        let own = function.checked_sub(self.imported);
        let place = own.and_then(|own| self.places.get(usize::try_from(own).ok()?));
        Ok(place.map_or(function, |place| place + self.imported))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut wasm_encoder::FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for function in self.order.clone() {
            functions.function(self.type_index(types[function])?);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut wasm_encoder::CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let bodies = section.into_iter().collect::<Result<Vec<FunctionBody<'_>>, _>>()?;
        for function in self.order.clone() {
            self.parse_function_body(code, bodies[function].clone())?;
        }
        Ok(())
    }
}

/// Begins with the largest function. The next one is always that which has the most in common with the last
/// ones, for its size.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let pieces = Pieces::of(bodies);
    let mut by_size: Vec<usize> = (0..bodies.len()).collect();
    by_size.sort_by_key(|function| std::cmp::Reverse(bodies[*function].len()));
    let mut largest = by_size.into_iter();
    let (mut order, mut placed) = (Vec::with_capacity(bodies.len()), vec![false; bodies.len()]);
    loop {
        let recent = &order[order.len().saturating_sub(RECENT)..];
        let common = pieces.in_common(recent, &placed);
        let size = |function: usize| bodies[function].len() as u64;
        let alike = common.into_iter().max_by(|&(one, ones), &(other, others)| {
            let (left, right) = (ones.pow(2) * size(other), others.pow(2) * size(one));
            left.cmp(&right).then(other.cmp(&one))
        });
        let next = alike.map(|(function, _)| function);
        let Some(next) = next.or_else(|| largest.find(|function| !placed[*function])) else {
            return order;
        };
        placed[next] = true;
        order.push(next);
    }
}

/// The pieces that several functions have, but not most.
struct Pieces {
    /// The functions that have it, for each piece.
    functions: Vec<Vec<usize>>,
    /// The pieces that it has, for each function.
    of: Vec<Vec<usize>>,
}

impl Pieces {
    fn of(bodies: &[&[u8]]) -> Self {
        let mut found: Vec<(&[u8], usize)> = bodies
            .iter()
            .enumerate()
            .flat_map(|(function, body)| body.windows(PIECE).map(move |piece| (piece, function)))
            .collect();
        found.sort_unstable();
        found.dedup();
        let functions: Vec<Vec<usize>> = found
            .chunk_by(|one, other| one.0 == other.0)
            .filter(|same| (2..=COMMON).contains(&same.len()))
            .map(|same| same.iter().map(|(_, function)| *function).collect())
            .collect();
        let mut of = vec![Vec::new(); bodies.len()];
        for (piece, functions) in functions.iter().enumerate() {
            for function in functions {
                of[*function].push(piece);
            }
        }
        Self { functions, of }
    }

    /// Counts the pieces that functions that are not `placed` have in common with any of `recent`.
    fn in_common(&self, recent: &[usize], placed: &[bool]) -> HashMap<usize, u64> {
        let mut pieces: Vec<usize> =
            recent.iter().flat_map(|function| &self.of[*function]).copied().collect();
        pieces.sort_unstable();
        pieces.dedup();
        let mut counts = HashMap::new();
        for function in pieces.iter().flat_map(|piece| &self.functions[*piece]) {
            if !placed[*function] {
                *counts.entry(*function).or_default() += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection,
        Function, FunctionSection, ImportSection, Module, RefType, TableSection, TableType,
        TypeSection, ValType,
    };
    use wasmi::{Engine, Linker, Store};

    use super::*;

    #[test]
    fn puts_functions_side_by_side_that_resemble_each_other() {
        let bodies: [&[u8]; 5] =
            [b"abcdefghijk", b"0123456789-+", b"abcdefghij", b"!?", b"0123456789"];
        assert_eq!(order(&bodies), [1, 4, 0, 2, 3]);
    }

    #[test]
    fn a_reordered_module_calls_the_same_functions() -> Result<(), Box<dyn std::error::Error>> {
        let module = module();
        let reordered = reorder(&module)?;
        assert_ne!(reordered, module);
        for wasm in [module, reordered] {
            let engine = Engine::default();
            let mut store = Store::new(&engine, ());
            let mut linker = Linker::new(&engine);
            linker.func_wrap("env", "seven", || 7_i32)?;
            let module = wasmi::Module::new(&engine, &wasm)?;
            let instance = linker.instantiate_and_start(&mut store, &module)?;
            for (name, expected) in [("imported", 7), ("direct", 17), ("of_table", 17)] {
                let function = instance.get_typed_func::<(), i32>(&store, name)?;
                assert_eq!(function.call(&mut store, ())?, expected, "{name}");
            }
        }
        Ok(())
    }

    /// A module whose functions call an imported one, each other, and one of a table.
    fn module() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("env", "seven", EntityType::Function(0));
        let mut functions = FunctionSection::new();
        let mut exports = ExportSection::new();
        for (number, name) in (1..).zip(["imported", "direct", "of_table"]) {
            functions.function(0);
            exports.export(name, ExportKind::Func, number);
        }
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: 1,
            maximum: None,
            shared: false,
        });
        let mut elements = ElementSection::new();
        elements.active(None, &ConstExpr::i32_const(0), Elements::Functions([2].as_slice().into()));
        let mut code = CodeSection::new();
        let mut imported = Function::new([]);
        imported.instructions().call(0).end();
        let mut direct = Function::new([]);
        direct.instructions().i32_const(10).call(1).i32_add().end();
        let mut of_table = Function::new([]);
        of_table.instructions().nop().nop().i32_const(0).call_indirect(0, 0).end();
        for function in [imported, direct, of_table] {
            code.function(&function);
        }
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&tables);
        module.section(&exports).section(&elements).section(&code);
        module.finish()
    }
}
