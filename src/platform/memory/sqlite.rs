//! A shard's host on in-memory SQLite that behaves as the platform does.

use std::{cell::Cell, cell::RefCell, collections::HashMap, rc::Rc};

use rusqlite::{
    Connection,
    limits::Limit,
    params_from_iter,
    types::{ToSqlOutput, Value, ValueRef},
};

use crate::{
    errors::LunoraError,
    platform::{
        Clock, Env, ShardHost, ShardNamespace, SqlCell, SqlFailure, SqlRows, memory::ManualClock,
    },
};

/// The limits that workerd sets (`SqliteDatabase::setupSecurity`).
const LIMITS: [(Limit, i32); 9] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_200_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
];

/// A shard's host on SQLite in memory.
///
/// It behaves as the real one: integers come back as doubles, numbers are bound as reals, and each
/// call runs one statement.
pub struct SqliteHost {
    connection: Connection,
    key: String,
    clock: ManualClock,
    variables: RefCell<HashMap<String, String>>,
    seeds: Cell<u8>,
    statements: Cell<u64>,
    failing: RefCell<Option<String>>,
    namespaces: RefCell<HashMap<String, Rc<dyn ShardNamespace>>>,
}

impl SqliteHost {
    /// Returns an empty database for the shard of this key.
    ///
    /// # Errors
    /// If SQLite cannot open a database.
    pub fn new(key: impl Into<String>, clock: ManualClock) -> Result<Rc<Self>, SqlFailure> {
        let connection = Connection::open_in_memory().map_err(|error| failure(&error))?;
        for (limit, value) in LIMITS {
            connection.set_limit(limit, value).map_err(|error| failure(&error))?;
        }
        Ok(Rc::new(Self {
            connection,
            key: key.into(),
            clock,
            variables: RefCell::default(),
            seeds: Cell::default(),
            statements: Cell::default(),
            failing: RefCell::default(),
            namespaces: RefCell::default(),
        }))
    }

    /// Sets a variable.
    pub fn set_var(&self, name: &str, value: &str) {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Puts Durable Objects behind a binding.
    pub fn set_namespace(&self, binding: &str, namespace: impl ShardNamespace) {
        self.namespaces.borrow_mut().insert(binding.to_owned(), Rc::new(namespace));
    }

    /// Returns the number of statements that ran.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.get()
    }

    /// Rolls back a transaction that a panic interrupted, as the platform does when an object dies.
    pub(crate) fn abandon_transaction(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Makes every statement fail that contains `text`; `None` makes no statement fail.
    pub fn fail_statements_with(&self, text: Option<&str>) {
        *self.failing.borrow_mut() = text.map(str::to_owned);
    }
}

impl ShardHost for SqliteHost {
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure> {
        self.statements.set(self.statements.get() + 1);
        if let Some(text) = &*self.failing.borrow()
            && sql.contains(text.as_str())
        {
            return Err(SqlFailure("disk I/O error: SQLITE_IOERR".to_owned()));
        }
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| failure(&error))?;
        let columns: Vec<String> =
            statement.column_names().into_iter().map(str::to_owned).collect();
        let before = self.connection.total_changes();
        let reads_only = statement.readonly();
        let mut rows = Vec::new();
        let mut cursor =
            statement.query(params_from_iter(params)).map_err(|error| failure(&error))?;
        while let Some(row) = cursor.next().map_err(|error| failure(&error))? {
            let cells = (0..columns.len()).map(|at| row.get_ref(at).map(cell));
            rows.push(cells.collect::<Result<_, _>>().map_err(|error| failure(&error))?);
        }
        drop(cursor);
        let rows_written =
            if reads_only { 0 } else { self.connection.total_changes().saturating_sub(before) };
        Ok(SqlRows { columns, rows, rows_written })
    }

    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failure(&error))?;
        let end = if work() { "COMMIT" } else { "ROLLBACK" };
        self.connection.execute_batch(end).map_err(|error| {
            let _ = self.connection.execute_batch("ROLLBACK");
            failure(&error)
        })
    }

    fn database_bytes(&self) -> u64 {
        let pages = |pragma: &str| {
            self.connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap_or_default()
        };
        u64::try_from(pages("PRAGMA page_count") * pages("PRAGMA page_size")).unwrap_or_default()
    }

    fn shard_key(&self) -> String {
        self.key.clone()
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn random_seed(&self) -> [u8; 32] {
        self.seeds.set(self.seeds.get().wrapping_add(1));
        [self.seeds.get(); 32]
    }

    fn var(&self, name: &str) -> Option<String> {
        self.variables.borrow().get(name).cloned()
    }

    fn env(&self) -> Option<&Env> {
        None
    }

    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError> {
        self.namespaces.borrow().get(binding).cloned().ok_or_else(|| {
            LunoraError::internal(format!("nothing is bound to {binding:?} in this test"))
        })
    }
}

impl std::fmt::Debug for SqliteHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteHost").field("key", &self.key).finish_non_exhaustive()
    }
}

fn failure(error: &rusqlite::Error) -> SqlFailure {
    SqlFailure(error.to_string())
}

#[allow(clippy::cast_precision_loss, reason = "the real host does the same")]
fn cell(value: ValueRef<'_>) -> SqlCell {
    match value {
        ValueRef::Null => SqlCell::Null,
        ValueRef::Integer(integer) => SqlCell::Number(integer as f64),
        ValueRef::Real(real) => SqlCell::Number(real),
        ValueRef::Text(text) => SqlCell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => SqlCell::Blob(bytes.to_vec()),
    }
}

impl rusqlite::ToSql for SqlCell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Number(number) => ToSqlOutput::Owned(Value::Real(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}
