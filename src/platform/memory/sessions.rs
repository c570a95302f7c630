//! The database of sessions in memory.

use std::{cell::Cell, cell::RefCell, rc::Rc};

use futures::future::LocalBoxFuture;
use rusqlite::{
    Connection, params_from_iter,
    types::{Value as Sql, ValueRef},
};
use serde_json::{Map, Value};

use crate::{
    errors::LunoraError,
    platform::{SessionRows, SessionStatement, SessionStore},
};

/// A [`SessionStore`] on SQLite in memory. A clone shares the rows.
///
/// Between two calls it lets other tasks run, as a database over the network does.
///
/// ```
/// use lunora::sessions::{SessionSecret, Sessions};
/// use lunora::testing::{ManualClock, MemoryEnvironment, MemorySessions};
///
/// let secret = SessionSecret::new("a secret of at least thirty-two characters")?;
/// let sessions = Sessions::new_for::<MemoryEnvironment>(MemorySessions::new()?, secret)
///     .clock(ManualClock::new(0))
///     .send_code(async |_mail, _env| Ok(()));
/// # let _ = sessions;
/// # Ok::<(), lunora::LunoraError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemorySessions {
    connection: Rc<RefCell<Connection>>,
    calls: Rc<Cell<u64>>,
}

impl MemorySessions {
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
        for table in ["lunora_users", "lunora_sessions", "lunora_codes", "lunora_code_limits"] {
            let rows = query(&self.connection.borrow(), &format!("SELECT * FROM {table}"), &[]);
            for row in rows.map_err(LunoraError::internal)? {
                text.push_str(&format!("{table} {}\n", Value::Object(row)));
            }
        }
        Ok(text)
    }
}

impl SessionStore for MemorySessions {
    fn run(
        &self,
        statements: Vec<SessionStatement>,
    ) -> LocalBoxFuture<'_, Result<Vec<SessionRows>, LunoraError>> {
        Box::pin(async move {
            pass_turn().await;
            self.calls.set(self.calls.get() + 1);
            let mut connection = self.connection.borrow_mut();
            let transaction = connection.transaction().map_err(LunoraError::internal)?;
            let mut all = Vec::with_capacity(statements.len());
            for SessionStatement { sql, values } in statements {
                all.push(query(&transaction, sql, &values).map_err(LunoraError::internal)?);
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

fn query(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<SessionRows> {
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
fn bound(value: &Value) -> Sql {
    match value {
        Value::String(text) => Sql::Text(text.clone()),
        Value::Number(number) => number.as_f64().map_or(Sql::Null, Sql::Real),
        _ => Sql::Null,
    }
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}
