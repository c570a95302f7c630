//! `rankBefore` and `rankPage`: the positions of documents in a rank index.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::filled;
use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
    shard::{
        database::{cells, malformed, text, to_count},
        db::{
            key,
            keyset::{OrderBy, Stop, beyond, order_sql, position_columns, read_position},
        },
        schema::partition_expression,
        sql::SqlValue,
        state::State,
        table::{IndexFields, TableSpec},
    },
    wire::{
        Direction,
        operation::{RankBeforeArgs, RankPage, RankPageAnswer, RankPageArgs, ShardRank, Unfilled},
    },
};

/// The position of a document: its partition, its sort values, its id.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    #[serde(default)]
    partition_key: String,
    row_id: String,
    sort_values: Vec<SortValue>,
}

/// A sort value: as a page had it in a key, or as a document has it.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct SortValue(Stop);

impl<'de> Deserialize<'de> for SortValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Stop::read(&raw).unwrap_or_else(|| Stop(key::of_json(raw.get())))))
    }
}

const TAKE: u32 = 100;
const MAX_TAKE: u32 = 1000;

/// Counts the documents of the partition that come before a key, and all of them.
pub(super) fn before(
    state: &State,
    args: RankBeforeArgs<'_, Vec<SortValue>>,
) -> Result<ShardRank, LunoraError> {
    let index = Index::find(state, &args.table, &args.index)?;
    let RankBeforeArgs { partition_key, row_id, sort_values, .. } = args;
    let (partition_key, row_id) = (partition_key.into_owned(), row_id.into_owned());
    let position =
        index.position(&Key { partition_key: partition_key.clone(), row_id, sort_values })?;
    let (filter, within) = index.within(Some(&partition_key));
    let (before, values) = beyond(&index.order, &position, false);
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {before}),count(*) FROM \"{}\" WHERE {filter}",
        index.table.name
    );
    let rows = state.database.exec(&sql, &[cells(&values), within].concat())?.rows;
    let row = rows.into_iter().next().unwrap_or_default();
    Ok(ShardRank { before: to_count(row.first()), total: to_count(row.get(1)) })
}

/// Returns the next documents in the order of the index, each with its key.
pub(super) fn page(state: &State, args: &RankPageArgs<'_, Key>) -> Result<String, LunoraError> {
    let index = Index::find(state, &args.table, &args.index)?;
    let take = args.take.unwrap_or(TAKE).clamp(1, MAX_TAKE);
    let (mut filter, mut values) = index.within(args.partition_key.as_deref());
    if let Some(after) = &args.after {
        let (sql, after) = beyond(&index.order, &index.position(after)?, true);
        filter = format!("{filter} AND {sql}");
        values.extend(cells(&after));
    }
    let sql = format!(
        "SELECT \"doc\",{} FROM \"{}\" WHERE {filter} ORDER BY {} LIMIT {}",
        position_columns(&index.order),
        index.table.name,
        order_sql(&index.order),
        take + 1,
    );
    let mut rows = state.database.exec(&sql, &values)?.rows;
    let take = usize::try_from(take).unwrap_or(usize::MAX);
    let has_more = rows.len() > take;
    rows.truncate(take);
    let mut json = String::new();
    for row in rows {
        let mut row = row.into_iter();
        let Some(SqlCell::Text(doc)) = row.next() else { return Err(malformed(index.table.name)) };
        let key = read_position(row).and_then(|position| index.key(position));
        let key = key.ok_or_else(|| malformed(index.table.name))?;
        let key = serde_json::to_string(&key).map_err(LunoraError::internal)?;
        if !json.is_empty() {
            json.push(',');
        }
        json.extend([r#"{"doc":"#, &doc, r#","key":"#, &key, "}"]);
    }
    let page =
        RankPageAnswer { rows: Unfilled::default(), has_more, directions: &index.directions };
    filled::<RankPage>(&page, &json)
}

/// A rank index, as an order: partition, sort values, id.
struct Index {
    table: TableSpec,
    partition: Option<String>,
    order: Vec<OrderBy>,
    directions: Vec<Direction>,
}

impl Index {
    fn find(state: &State, table: &str, name: &str) -> Result<Self, LunoraError> {
        let table = state.table(table)?;
        let found = table.indexes().find(|index| index.name == name);
        let Some((index, IndexFields::Ranked(sort))) = found.map(|index| (index, index.fields))
        else {
            let message = format!("the table {:?} has no rank index {name:?}", table.name);
            return Err(LunoraError::new(Code::BadRequest, message));
        };
        let by = |expression, direction| OrderBy { expression, direction };
        let partition =
            (!index.partition.is_empty()).then(|| partition_expression(index.partition));
        let mut order: Vec<_> =
            partition.iter().map(|sql| by(sql.clone(), Direction::Asc)).collect();
        order.extend(sort.iter().map(|(field, direction)| by(key::expression(field), *direction)));
        order.push(by("\"_id\"".to_owned(), Direction::Asc));
        let directions = sort.iter().map(|(_, direction)| *direction).collect();
        Ok(Self { table, partition, order, directions })
    }

    /// Returns the condition of a partition; `None` matches every partition.
    fn within(&self, partition: Option<&str>) -> (String, Vec<SqlCell>) {
        let alive = "\"_deletedAt\" IS NULL".to_owned();
        match (&self.partition, partition) {
            (Some(sql), Some(partition)) => (format!("{alive} AND {sql}=?"), vec![text(partition)]),
            _ => (alive, Vec::new()),
        }
    }

    fn position(&self, key: &Key) -> Result<Vec<SqlValue>, LunoraError> {
        if key.sort_values.len() != self.directions.len() {
            let message = format!("sortValues must have {} values", self.directions.len());
            return Err(LunoraError::bad_request(message));
        }
        let partition = self.partition.iter().map(|_| SqlValue::from(&key.partition_key));
        let values = key.sort_values.iter().map(|SortValue(Stop(value))| value.clone());
        Ok(partition.chain(values).chain([SqlValue::from(&key.row_id)]).collect())
    }

    fn key(&self, position: Vec<SqlValue>) -> Option<Key> {
        let mut values = position.into_iter();
        let partition_key = match self.partition.as_ref().and_then(|_| values.next()) {
            Some(SqlValue::Text(partition)) => partition,
            Some(_) => return None,
            None => String::new(),
        };
        let sort_values = values
            .by_ref()
            .take(self.directions.len())
            .map(|value| SortValue(Stop(value)))
            .collect();
        match values.next() {
            Some(SqlValue::Text(row_id)) => Some(Key { partition_key, row_id, sort_values }),
            _ => None,
        }
    }
}
