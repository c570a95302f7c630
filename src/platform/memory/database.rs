//! A database of D1 in memory.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::future::LocalBoxFuture;
use rusqlite::{
    Connection, params_from_iter,
    types::{Value as Sql, ValueRef},
};
use serde_json::{Map, Value};

use crate::{
    errors::LunoraError,
    platform::{DatabaseRows, DatabaseStatement, GlobalDatabase, SqlCell},
};

/// A [`GlobalDatabase`] on SQLite in memory. A clone shares the rows.
///
/// Between two calls it lets other tasks run, as a database over the network does.
///
/// ```
/// use lunora::sessions::{SessionSecret, Sessions};
/// use lunora::testing::{ManualClock, MemoryEnvironment, MemoryDatabase};
///
/// let secret = SessionSecret::new("a secret of at least thirty-two characters")?;
/// let sessions = Sessions::new_for::<MemoryEnvironment>(MemoryDatabase::new()?, secret)
///     .clock(ManualClock::new(0))
///     .send_code(async |_mail, _env| Ok(()));
/// # let _ = sessions;
/// # Ok::<(), lunora::LunoraError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryDatabase {
    connection: Rc<RefCell<Connection>>,
    calls: Rc<Cell<u64>>,
}

impl MemoryDatabase {
    /// Returns an empty database.
    ///
    /// # Errors
    /// If SQLite cannot open a database.
    pub fn new() -> Result<Self, LunoraError> {
        let connection = Connection::open_in_memory().map_err(LunoraError::internal)?;
        Ok(Self { connection: Rc::new(RefCell::new(connection)), calls: Rc::default() })
    }

    /// Returns the number of calls of the database.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// Returns every row of every table, as text: what a reader of the database sees.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn dump(&self) -> Result<String, LunoraError> {
        let mut text = String::new();
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let read =
            |sql: &str| query(&self.connection.borrow(), sql, &[]).map_err(LunoraError::internal);
        for table in read(tables)? {
            let table = table.get("name").and_then(Value::as_str).unwrap_or_default();
            for row in read(&format!("SELECT * FROM \"{table}\""))? {
                text.push_str(&format!("{table} {}\n", Value::Object(row)));
            }
        }
        Ok(text)
    }
}

impl GlobalDatabase for MemoryDatabase {
    fn run(
        &self,
        statements: Vec<DatabaseStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<DatabaseRows>, LunoraError>> {
        Box::pin(async move {
            pass_turn().await;
            self.calls.set(self.calls.get() + 1);
            let mut connection = self.connection.borrow_mut();
            let transaction = connection.transaction().map_err(LunoraError::internal)?;
            let mut all = Vec::with_capacity(statements.len());
            for DatabaseStatement { sql, values } in statements {
                all.push(query(&transaction, &sql, &values).map_err(LunoraError::internal)?);
            }
            transaction.commit().map_err(LunoraError::internal)?;
            Ok(all)
        })
    }
}

/// Lets every other task run once.
async fn pass_turn() {
    let mut passed = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn query(connection: &Connection, sql: &str, values: &[SqlCell]) -> rusqlite::Result<DatabaseRows> {
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.query(params_from_iter(values.iter().map(bound)))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut columns = Map::new();
        for (index, name) in names.iter().enumerate() {
            columns.insert(name.clone(), cell(row.get_ref(index)?));
        }
        rows.push(columns);
    }
    Ok(rows)
}

/// Binds as D1 does, which takes numbers as doubles.
fn bound(value: &SqlCell) -> Sql {
    match value {
        SqlCell::Null => Sql::Null,
        SqlCell::Number(number) => Sql::Real(*number),
        SqlCell::Text(text) => Sql::Text(text.clone()),
        SqlCell::Blob(bytes) => Sql::Blob(bytes.clone()),
    }
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => bytes.into(),
        ValueRef::Null => Value::Null,
    }
}
