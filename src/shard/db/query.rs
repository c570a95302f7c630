//! Documents of a table, in an order and within bounds.

use std::{fmt, marker::PhantomData};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    Document, IndexValue,
    fields::CREATION_TIME,
    key,
    keyset::{OrderBy, order_sql},
};
use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
    shard::{
        database::{cells, malformed, to_count},
        names::is_field,
        run::Run,
        sql::SqlValue,
        table::{BY_CREATION, IndexFields, Table, TableSpec},
    },
    wire::Direction,
};

/// Documents of a table, in an order and within bounds.
///
/// Without an index the order is that of creation. With one, `eq` fixes its first fields in their
/// order, and `gt`, `gte`, `lt` and `lte` bound the field after them; the documents come by the
/// index's other fields and then by creation. [`IndexValue`] documents the order of values of
/// several types; a bound compares in it too.
///
/// ```
/// # use lunora::{LunoraError, coordinator::Direction, shard::{Document, Query, Table, table}};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Message { author: String }
/// # const MESSAGES: Table<Message> = table!("messages").index("by_author", &["author"]);
/// fn newest_of(ctx: &Query<'_>, author: &str) -> Result<Vec<Document<Message>>, LunoraError> {
///     ctx.db().table(MESSAGES).index("by_author").eq("author", author).order(Direction::Desc).take(20)
/// }
/// ```
#[must_use = "a query does nothing until its documents are asked for"]
pub struct TableQuery<'a, T> {
    pub(super) run: &'a Run<'a>,
    pub(super) table: &'static str,
    index: Option<String>,
    equal: Vec<(String, IndexValue)>,
    bounds: Vec<(String, &'static str, IndexValue)>,
    direction: Direction,
    of: PhantomData<fn() -> T>,
}

impl<'a, T> TableQuery<'a, T> {
    pub(super) fn new(run: &'a Run<'a>, table: Table<T>) -> Self {
        Self {
            run,
            table: table.name(),
            index: None,
            equal: Vec::new(),
            bounds: Vec::new(),
            direction: Direction::Asc,
            of: PhantomData,
        }
    }

    /// Uses an index of the table.
    pub fn index(mut self, name: &str) -> Self {
        self.index = Some(name.to_owned());
        self
    }

    /// Keeps documents whose field has this value. `None` finds `null` and absent fields alike.
    pub fn eq(mut self, field: &str, value: impl Into<IndexValue>) -> Self {
        self.equal.push((field.to_owned(), value.into()));
        self
    }

    /// Documents whose field is larger.
    pub fn gt(self, field: &str, value: impl Into<IndexValue>) -> Self {
        self.bound(field, ">", value.into())
    }

    /// Documents whose field is larger or the same.
    pub fn gte(self, field: &str, value: impl Into<IndexValue>) -> Self {
        self.bound(field, ">=", value.into())
    }

    /// Keeps documents whose field is smaller; one without the field does not match.
    pub fn lt(self, field: &str, value: impl Into<IndexValue>) -> Self {
        self.bound(field, "<", value.into())
    }

    /// Keeps documents whose field is smaller or equal; one without the field does not match.
    pub fn lte(self, field: &str, value: impl Into<IndexValue>) -> Self {
        self.bound(field, "<=", value.into())
    }

    /// Sets the direction. Default: ascending.
    pub fn order(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Counts the documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn count(self) -> Result<u64, LunoraError> {
        let plan = self.plan()?;
        let sql = format!("SELECT count(*) FROM \"{}\" WHERE {}", self.table, plan.filter);
        let count = self.run.state.database.exec_value(&sql, &cells(&plan.values))?;
        Ok(to_count(count.as_ref()))
    }

    /// Returns the first `limit` documents as the JSON text of a list, as they are stored: the
    /// fastest way to answer a query with documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn take_json(self, limit: u32) -> Result<Box<RawValue>, LunoraError> {
        let documents = self.documents(Some(limit))?;
        let size = documents.iter().map(|json| json.len() + 1).sum::<usize>();
        let mut list = String::with_capacity(size + 2);
        list.push('[');
        for json in documents {
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(&json);
        }
        list.push(']');
        RawValue::from_string(list).map_err(LunoraError::internal)
    }

    fn bound(mut self, field: &str, operator: &'static str, value: IndexValue) -> Self {
        self.bounds.push((field.to_owned(), operator, value));
        self
    }

    fn documents(&self, limit: Option<u32>) -> Result<Vec<String>, LunoraError> {
        let plan = self.plan()?;
        let mut sql = format!(
            "SELECT \"doc\" FROM \"{}\" WHERE {} ORDER BY {}",
            self.table,
            plan.filter,
            order_sql(&plan.order)
        );
        if let Some(limit) = limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        let rows = self.run.state.database.exec(&sql, &cells(&plan.values))?.rows;
        rows.into_iter().map(|row| self.document(row.into_iter().next())).collect()
    }

    pub(super) fn document(&self, cell: Option<SqlCell>) -> Result<String, LunoraError> {
        match cell {
            Some(SqlCell::Text(json)) => Ok(json),
            _ => Err(malformed(self.table)),
        }
    }

    /// Returns the order and the conditions, and records the reads.
    pub(super) fn plan(&self) -> Result<Plan, LunoraError> {
        let spec = self.run.state.table(self.table)?;
        let fields = self.index_fields(&spec)?;
        let wrong = |what: String| LunoraError::new(Code::RpcFailed, what);
        let (mut filter, mut values) = (vec!["1".to_owned()], Vec::new());
        if spec.soft_delete {
            filter.push("\"_deletedAt\" IS NULL".to_owned());
        }
        let mut matching = Vec::new();
        for (at, (field, value)) in self.equal.iter().enumerate() {
            let Some(declared) = fields.get(at).copied().filter(|declared| declared == field)
            else {
                let message = format!(
                    "`eq` on {field:?}: the index {:?} of {:?} is over {fields:?}, and `eq` fixes its first fields in that order",
                    self.index.as_deref().unwrap_or(BY_CREATION),
                    self.table,
                );
                return Err(wrong(message));
            };
            let value = value.key_of(field);
            filter.push(match &value {
                SqlValue::Null => format!("{} IS NULL", key::expression(field)),
                value => format!("{}={}", key::expression(field), value.placeholder()),
            });
            if value != SqlValue::Null {
                values.push(value.clone());
            }
            matching.push((declared, value));
        }
        for (field, operator, value) in &self.bounds {
            if fields.get(self.equal.len()).copied() != Some(field) {
                let message = format!(
                    "a bound on {field:?}: only the field after those of `eq` can be bounded, which is {:?}",
                    fields.get(self.equal.len()),
                );
                return Err(wrong(message));
            }
            let value = value.key_of(field);
            if value == SqlValue::Null {
                return Err(wrong(format!(
                    "a bound on {field:?}: expected a value, got null or NaN"
                )));
            }
            filter.push(format!("{}{operator}{}", key::expression(field), value.placeholder()));
            values.push(value);
        }
        self.note_reads(&spec, matching);
        let rest = fields.iter().skip(self.equal.len()).map(|field| key::expression(field));
        let mut expressions: Vec<_> = rest.collect();
        if fields.get(self.equal.len()..).is_none_or(|rest| !rest.contains(&CREATION_TIME))
            && !self.equal.iter().any(|(field, _)| field == CREATION_TIME)
        {
            expressions.push(key::expression(CREATION_TIME));
        }
        expressions.push("\"_id\"".to_owned());
        let by = |expression| OrderBy { expression, direction: self.direction };
        let order = expressions.into_iter().map(by).collect();
        Ok(Plan { filter: filter.join(" AND "), values, order })
    }

    /// Records a look-up by the values of fields as such, unless SQLite may write a value in
    /// another way than it was stored.
    fn note_reads(&self, spec: &TableSpec, matching: Vec<(&'static str, SqlValue)>) {
        let telling = |value: &SqlValue| !key::is_text_of_json(value);
        let mut reads = self.run.reads();
        if !matching.is_empty() && matching.iter().all(|(_, value)| telling(value)) {
            reads.note_matching(spec.name, matching);
        } else {
            reads.note_table(spec.name);
        }
    }

    /// Returns the fields of the index, followed by the time of creation.
    fn index_fields(&self, spec: &TableSpec) -> Result<Vec<&'static str>, LunoraError> {
        let Some(name) = self.index.as_deref().filter(|name| *name != BY_CREATION) else {
            return Ok(vec![CREATION_TIME]);
        };
        let index = spec.indexes().find(|index| index.name == name);
        match index.map(|index| index.fields) {
            Some(IndexFields::Ordinary(fields)) => {
                debug_assert!(fields.iter().all(|field| is_field(field)));
                Ok(fields.iter().copied().chain([CREATION_TIME]).collect())
            }
            Some(IndexFields::Ranked(_)) | None => {
                let message =
                    format!("the table {:?} has no index {name:?} to query by", self.table);
                Err(LunoraError::new(Code::RpcFailed, message))
            }
        }
    }
}

impl<T: DeserializeOwned> TableQuery<'_, T> {
    /// Returns every document. If there may be many, use [`paginate`](Self::paginate).
    ///
    /// # Errors
    /// If the shard has no such table or index, the bounds do not fit the index, or a document is
    /// not a `T`.
    pub fn collect(self) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(None)
    }

    /// Returns the first `limit` documents.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn take(self, limit: u32) -> Result<Vec<Document<T>>, LunoraError> {
        self.read(Some(limit))
    }

    /// Returns the first document.
    ///
    /// # Errors
    /// As [`collect`](Self::collect).
    pub fn first(self) -> Result<Option<Document<T>>, LunoraError> {
        Ok(self.take(1)?.into_iter().next())
    }

    /// Returns the only document.
    ///
    /// # Errors
    /// 400 `NOT_UNIQUE` if several documents match; else as [`collect`](Self::collect).
    pub fn unique(self) -> Result<Option<Document<T>>, LunoraError> {
        let table = self.table;
        let mut documents = self.take(2)?;
        if documents.len() > 1 {
            let message = format!("several documents of {table:?} match where one was asked for");
            return Err(LunoraError::new(Code::NotUnique, message));
        }
        Ok(documents.pop())
    }

    fn read(&self, limit: Option<u32>) -> Result<Vec<Document<T>>, LunoraError> {
        let documents = self.documents(limit)?;
        documents.iter().map(|json| Document::read(self.table, json)).collect()
    }
}

pub(super) struct Plan {
    pub(super) filter: String,
    pub(super) values: Vec<SqlValue>,
    pub(super) order: Vec<OrderBy>,
}

impl<T> fmt::Debug for TableQuery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableQuery")
            .field("table", &self.table)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
