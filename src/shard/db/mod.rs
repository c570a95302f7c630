//! The documents of a shard.

mod document;
pub(crate) mod fields;
mod index_value;
pub(crate) mod key;
pub(crate) mod keyset;
pub(crate) mod page;
mod query;
mod raw;
mod reader;
pub(crate) mod selection;
pub(crate) mod store;
mod stored_json;
pub(crate) mod wire_check;
pub(crate) mod writer;

pub use self::{
    document::{Document, Page, PageRequest},
    index_value::IndexValue,
    query::TableQuery,
    raw::Sql,
    reader::Reader,
    stored_json::StoredJson,
    writer::Writer,
};
pub(crate) use self::{
    page::{read_cursor, write_cursor},
    writer::{check_id, own_fields},
};
