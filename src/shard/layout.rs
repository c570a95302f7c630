//! The layout of a class: how its stored documents look, for the schema lock that a build keeps.
//!
//! The build calls one function of the wasm module for each class, and then removes it: nothing of this
//! module is in what is deployed.

mod dummy;
mod fault;
mod fields;
mod look;
mod place;
mod probe;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::look::Look;
use super::{definition::ShardDefinition, migration::Work, scheduler::CALLS, table::Table};

/// A table as the layout has it: its name, and the type of its documents.
#[derive(Debug)]
pub struct TableLayout {
    name: &'static str,
    documents: Value,
}

/// Takes a table of `shard!`.
#[must_use]
pub fn table<T: DeserializeOwned>(table: Table<T>) -> TableLayout {
    // Not a pointer to a function: what may be called by one stays in the module.
    TableLayout { name: table.name(), documents: Look::<T>::default().describe() }
}

/// Returns the address of the layout of a class: the length of its text in four bytes, the least significant
/// first, and then the text, which is JSON. The build reads it from there.
#[must_use]
pub fn address(class: &str, definition: &ShardDefinition, tables: &[TableLayout]) -> *const u8 {
    let text = of(class, definition, tables).to_string();
    let length = u32::try_from(text.len()).unwrap_or_default();
    let bytes = [&length.to_le_bytes(), text.as_bytes()].concat();
    // The module is run for this alone.
    Box::leak(bytes.into_boxed_slice()).as_ptr()
}

/// Returns the layout of a class.
fn of(class: &str, definition: &ShardDefinition, tables: &[TableLayout]) -> Value {
    let mut of_tables = serde_json::Map::new();
    // The documents of the framework's own table are the framework's to keep readable.
    for table in tables.iter().filter(|table| table.name != CALLS.name()) {
        let spec = definition.tables.iter().find(|spec| spec.name == table.name);
        let indexes: Vec<_> =
            spec.iter().flat_map(|spec| spec.indexes()).map(|index| index.name).collect();
        let layout = json!({ "documents": table.documents, "indexes": indexes });
        of_tables.insert(table.name.to_owned(), layout);
    }
    let migrations = definition.migrations.iter().map(|migration| match migration.work {
        Work::Documents { table, .. } => json!({ "id": migration.id, "table": table }),
        Work::Drop(name) => json!({ "id": migration.id, "drops": name }),
    });
    let migrations: Vec<_> = migrations.collect();
    json!({ "class": class, "migrations": migrations, "tables": of_tables })
}

#[cfg(test)]
mod tests;
