//! A selection of a table's documents: its order and its bounds, as a statement.

use super::{
    IndexValue,
    fields::CREATION_TIME,
    key,
    keyset::{OrderBy, order_sql},
};
use crate::{
    errors::{Code, LunoraError},
    shard::{
        names::is_field,
        sql::SqlValue,
        table::{BY_CREATION, IndexFields, TableSpec},
    },
    wire::Direction,
};

/// Documents of a table, in an order and within bounds.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) table: &'static str,
    index: Option<String>,
    equal: Vec<(String, IndexValue)>,
    bounds: Vec<(String, &'static str, IndexValue)>,
    direction: Direction,
}

/// The methods of a query that set its selection, the field `selection`.
macro_rules! setters {
    () => {
        /// Uses an index of the table.
        pub fn index(mut self, name: &str) -> Self {
            self.selection.index(name);
            self
        }

        /// Keeps documents whose field has this value. `None` finds `null` and absent fields alike.
        pub fn eq(mut self, field: &str, value: impl Into<$crate::shard::IndexValue>) -> Self {
            self.selection.equal(field, value.into());
            self
        }

        /// Documents whose field is larger.
        pub fn gt(mut self, field: &str, value: impl Into<$crate::shard::IndexValue>) -> Self {
            self.selection.bound(field, ">", value.into());
            self
        }

        /// Documents whose field is larger or the same.
        pub fn gte(mut self, field: &str, value: impl Into<$crate::shard::IndexValue>) -> Self {
            self.selection.bound(field, ">=", value.into());
            self
        }

        /// Keeps documents whose field is smaller; one without the field does not match.
        pub fn lt(mut self, field: &str, value: impl Into<$crate::shard::IndexValue>) -> Self {
            self.selection.bound(field, "<", value.into());
            self
        }

        /// Keeps documents whose field is smaller or equal; one without the field does not match.
        pub fn lte(mut self, field: &str, value: impl Into<$crate::shard::IndexValue>) -> Self {
            self.selection.bound(field, "<=", value.into());
            self
        }

        /// Sets the direction. Default: ascending.
        pub fn order(mut self, direction: $crate::wire::Direction) -> Self {
            self.selection.order(direction);
            self
        }
    };
}

pub(crate) use setters;

/// The conditions of a selection, and its order.
pub(crate) struct Plan {
    pub(crate) filter: String,
    pub(crate) values: Vec<SqlValue>,
    pub(crate) order: Vec<OrderBy>,
    /// The fields that must have a value, each with its key.
    pub(crate) matching: Vec<(&'static str, SqlValue)>,
}

impl Selection {
    /// Selects every document of a table, in the order of creation.
    pub(crate) fn new(table: &'static str) -> Self {
        Self {
            table,
            index: None,
            equal: Vec::new(),
            bounds: Vec::new(),
            direction: Direction::Asc,
        }
    }

    pub(crate) fn index(&mut self, name: &str) {
        self.index = Some(name.to_owned());
    }

    pub(crate) fn equal(&mut self, field: &str, value: IndexValue) {
        self.equal.push((field.to_owned(), value));
    }

    pub(crate) fn bound(&mut self, field: &str, operator: &'static str, value: IndexValue) {
        self.bounds.push((field.to_owned(), operator, value));
    }

    pub(crate) fn order(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// Returns the conditions and the order.
    ///
    /// # Errors
    /// If the table has no such index, or the bounds do not fit it.
    pub(crate) fn plan(&self, spec: &TableSpec) -> Result<Plan, LunoraError> {
        let fields = self.index_fields(spec)?;
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
        Ok(Plan { filter: filter.join(" AND "), values, order, matching })
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

impl Plan {
    /// Returns the statement of the documents' texts.
    pub(crate) fn documents(&self, table: &str, limit: Option<u32>) -> String {
        let order = order_sql(&self.order);
        let mut sql =
            format!("SELECT \"doc\" FROM \"{table}\" WHERE {} ORDER BY {order}", self.filter);
        if let Some(limit) = limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        sql
    }

    /// Returns the statement of the documents' number, in the column `n`.
    pub(crate) fn count(&self, table: &str) -> String {
        format!("SELECT count(*) AS \"n\" FROM \"{table}\" WHERE {}", self.filter)
    }
}

/// Returns the only one of at most two documents.
///
/// # Errors
/// 400 `NOT_UNIQUE` if there are two.
pub(crate) fn only<D>(table: &str, mut documents: Vec<D>) -> Result<Option<D>, LunoraError> {
    if documents.len() > 1 {
        let message = format!("several documents of {table:?} match where one was asked for");
        return Err(LunoraError::new(Code::NotUnique, message));
    }
    Ok(documents.pop())
}
