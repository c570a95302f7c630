//! Raw SQL statements.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    errors::{Code, LunoraError},
    platform::SqlRows,
    shard::{
        database::{cells, to_error},
        run::Run,
        schema,
        sql::{
            SqlValue, row,
            statement::{Effect, Statement},
        },
    },
};

/// A raw SQL statement, with its parameters.
///
/// Values are bound as they are: integers to the last digit, flags as 0 and 1. A row is read as a
/// struct by its columns' names, as a tuple by their order, or as the only column's value.
///
/// An integer beyond 2^53 arrives rounded from the platform, and is refused. Select it with
/// `CAST(… AS TEXT)`, which still reads as an `i64`.
#[must_use = "a statement does nothing until `all`, `first` or `run` is called"]
pub struct Sql<'a> {
    run: &'a Run<'a>,
    sql: &'a str,
    values: Vec<SqlValue>,
    may_write: bool,
    tables: Option<Vec<String>>,
}

impl<'a> Sql<'a> {
    pub(super) fn reading(run: &'a Run<'a>, sql: &'a str) -> Self {
        Self { run, sql, values: Vec::new(), may_write: false, tables: None }
    }

    pub(super) fn writing(run: &'a Run<'a>, sql: &'a str) -> Self {
        Self { may_write: true, ..Self::reading(run, sql) }
    }

    /// Binds the next `?`.
    pub fn bind(mut self, value: impl Into<SqlValue>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Declares the tables of documents that the statement reads, so that a live query runs again
    /// for those only. Without it, the query runs again after every write.
    pub fn reads(mut self, tables: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tables = Some(tables.into_iter().map(Into::into).collect());
        self
    }

    /// Returns every row.
    ///
    /// # Errors
    /// If the statement is invalid, writes where it must not, or fails; if a row is not a `T`.
    pub fn all<T: DeserializeOwned>(self) -> Result<Vec<T>, LunoraError> {
        row::read_rows(self.exec()?).map_err(|error| {
            LunoraError::new(Code::RpcFailed, "a row is not what its type says").with_source(error)
        })
    }

    /// Returns the first row, if any.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn first<T: DeserializeOwned>(self) -> Result<Option<T>, LunoraError> {
        Ok(self.all()?.into_iter().next())
    }

    /// Runs the statement. Returns the number of rows it wrote, including those of indexes.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn run(self) -> Result<u64, LunoraError> {
        Ok(self.exec()?.rows_written)
    }

    fn exec(self) -> Result<SqlRows, LunoraError> {
        let refused = |why: String| LunoraError::new(Code::RpcFailed, why);
        let statement = Statement::parse(self.sql).map_err(|error| refused(error.to_string()))?;
        let effect = statement.effect().map_err(|error| refused(error.to_string()))?;
        if statement.mentions_prefix(schema::PREFIX) {
            let message =
                format!("tables that begin with `{}` are the shard's own", schema::PREFIX);
            return Err(refused(message));
        }
        if effect == Effect::Writes {
            if !self.may_write {
                return Err(refused("a query cannot write".to_owned()));
            }
            self.check_target(&statement)?;
        }
        self.note_reads()?;
        let sql = statement
            .with_integers(|index| self.values.get(index).is_some_and(SqlValue::is_integer));
        if effect == Effect::Reads {
            return self.exec_reading(&sql);
        }
        let rows = self.exec_statement(&sql)?;
        if rows.rows_written > 0 {
            self.run.wrote_anything();
        }
        Ok(rows)
    }

    fn exec_statement(&self, sql: &str) -> Result<SqlRows, LunoraError> {
        let rows = self.run.state.host().exec(sql, &cells(&self.values));
        rows.map_err(|failure| to_error(&failure))
    }

    /// Runs a reading statement. Any write that the check of the statement missed is rolled back.
    fn exec_reading(&self, sql: &str) -> Result<SqlRows, LunoraError> {
        let exec = || {
            let rows = self.exec_statement(sql)?;
            if rows.rows_written > 0 {
                let message = "a statement that only reads has written";
                return Err(self.run.doom(LunoraError::new(Code::RpcFailed, message)));
            }
            Ok(rows)
        };
        if self.run.state.database.in_transaction() {
            exec()
        } else {
            self.run.state.database.atomically(exec)
        }
    }

    fn check_target(&self, statement: &Statement<'_>) -> Result<(), LunoraError> {
        let mut tables = self.run.state.tables.iter();
        let hit = match statement.target() {
            Some(target) => tables.find(|table| table.name.eq_ignore_ascii_case(target)),
            // CREATE, DROP, ALTER. An index over documents is declared with its table.
            None => tables.find(|table| statement.mentions(table.name)),
        };
        match hit {
            None => Ok(()),
            Some(table) => Err(LunoraError::new(
                Code::RpcFailed,
                format!(
                    "{:?} is a table of documents: write it with `insert`, `patch`, `replace` and `delete`",
                    table.name
                ),
            )),
        }
    }

    fn note_reads(&self) -> Result<(), LunoraError> {
        let mut reads = self.run.reads();
        match &self.tables {
            None => reads.note_everything(),
            Some(tables) => {
                for table in tables {
                    reads.note_table(self.run.state.table(table)?.name);
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Sql<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("sql", &self.sql).finish_non_exhaustive()
    }
}
