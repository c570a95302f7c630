//! Tables as they are declared: `describeTable`, `describeTables`, `listTableIndexes`,
//! `listTablesIndexes`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tables::row_count;
use crate::{
    errors::LunoraError,
    shard::{
        db::fields::CREATION_TIME,
        state::State,
        table::{BY_CREATION, IndexFields, IndexSpec, TableSpec},
    },
    wire::{
        Direction,
        operation::{
            AnswerOf, ArgsOf, DescribeTable, DescribeTables, ListTableIndexes, ListTablesIndexes,
        },
    },
};

impl ArgsOf<DescribeTable> for TableName {}
impl ArgsOf<ListTableIndexes> for TableName {}
impl AnswerOf<DescribeTable> for Description {}
impl AnswerOf<DescribeTables> for Vec<Description> {}
impl AnswerOf<ListTableIndexes> for Vec<Index> {}
impl AnswerOf<ListTablesIndexes> for Vec<TableIndexes> {}

#[derive(Deserialize)]
pub(super) struct TableName {
    table: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    name: &'static str,
    row_count: Value,
    soft_delete: bool,
    shard_by: Option<&'static str>,
    /// Absent if the type of the documents does not list its fields.
    fields: Option<Vec<Field>>,
    indexes: Vec<Index>,
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    #[serde(rename = "type")]
    kind: String,
    optional: bool,
}

#[derive(Serialize)]
pub(super) struct Index {
    name: &'static str,
    columns: Vec<&'static str>,
    directions: Vec<Direction>,
    partition: &'static [&'static str],
    rank: bool,
    unique: bool,
}

#[derive(Serialize)]
pub(super) struct TableIndexes {
    table: &'static str,
    indexes: Vec<Index>,
}

pub(super) fn one(state: &State, args: &TableName) -> Result<Description, LunoraError> {
    describe(state, &state.table(&args.table)?)
}

pub(super) fn all(state: &State) -> Result<Vec<Description>, LunoraError> {
    state.tables.iter().map(|table| describe(state, table)).collect()
}

pub(super) fn indexes_of_one(state: &State, args: &TableName) -> Result<Vec<Index>, LunoraError> {
    Ok(indexes(&state.table(&args.table)?))
}

pub(super) fn indexes_of_all(state: &State) -> Vec<TableIndexes> {
    let of = |table: &TableSpec| TableIndexes { table: table.name, indexes: indexes(table) };
    state.tables.iter().map(of).collect()
}

fn describe(state: &State, table: &TableSpec) -> Result<Description, LunoraError> {
    let fields = table.fields();
    Ok(Description {
        name: table.name,
        row_count: row_count(state, table)?.into(),
        soft_delete: table.soft_delete,
        shard_by: table.shard_by,
        fields: fields.map(|fields| fields.iter().map(|name| field(table, name)).collect()),
        indexes: indexes(table),
    })
}

/// Asks the type of the documents what it expects of a field, by values that it may refuse.
fn field(table: &TableSpec, name: &'static str) -> Field {
    let refused = |value: &str| {
        let document = [&*Value::from(name).to_string(), value].join(":");
        // Of a document with one field, that field is read first.
        table.problem_of(&["{", &document, "}"].concat()).filter(|problem| problem.path == name)
    };
    let refusals: Vec<_> = ["\"\"", "false", "0"].into_iter().filter_map(refused).collect();
    let any = if refusals.is_empty() { "any" } else { "custom" };
    let expected = refusals.into_iter().find_map(|problem| problem.expected);
    let kind = expected.map_or(any.to_owned(), |expected| named(&expected));
    Field { name, kind, optional: refused("null").is_none() }
}

/// Returns the name of a type that serde expects.
fn named(expected: &str) -> String {
    let kind = expected.strip_prefix("a ").or(expected.strip_prefix("an ")).unwrap_or(expected);
    match kind {
        "sequence" => "array".to_owned(),
        "map" => "object".to_owned(),
        kind if kind.starts_with("struct ") => "object".to_owned(),
        kind => kind.to_owned(),
    }
}

fn indexes(table: &TableSpec) -> Vec<Index> {
    let by_creation = IndexSpec {
        name: BY_CREATION,
        partition: &[],
        fields: IndexFields::Ordinary(&[CREATION_TIME]),
    };
    std::iter::once(&by_creation).chain(table.indexes()).map(index).collect()
}

fn index(index: &IndexSpec) -> Index {
    let (columns, directions) = match index.fields {
        IndexFields::Ordinary(fields) => (fields.to_vec(), vec![Direction::Asc; fields.len()]),
        IndexFields::Ranked(sort) => sort.iter().copied().unzip(),
    };
    let rank = matches!(index.fields, IndexFields::Ranked(_));
    Index { name: index.name, columns, directions, partition: index.partition, rank, unique: false }
}
