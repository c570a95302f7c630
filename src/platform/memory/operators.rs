//! The other services of operators, in memory: users, vector indexes, archived logs.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures::future::{FutureExt, LocalBoxFuture, ready};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::{
    errors::{Code, LunoraError},
    platform::{
        AuthAdmin, AuthOp, LogArchive, LogCursor, LogLevel, LogPage, LogQuery, VectorIndex,
        VectorIndexes, VectorMatch,
    },
};

/// An in-memory [`AuthAdmin`] that can list, create, ban and remove users. It supports nothing
/// else. A clone shares the users.
///
/// ```
/// use lunora::{operate::{AuthAdmin, AuthOp}, testing::MemoryAuth};
/// use serde_json::{Map, json};
///
/// # futures::executor::block_on(async {
/// let auth = MemoryAuth::new().with_user("u1", "ada@example.com");
/// let users = auth.run(AuthOp::ListUsers, &Map::new()).await?;
/// assert_eq!(users.unwrap()["total"], 1);
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryAuth {
    users: Rc<RefCell<BTreeMap<String, Map<String, Value>>>>,
}

impl MemoryAuth {
    /// Returns a user management without users.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user.
    #[must_use]
    pub fn with_user(self, id: impl Into<String>, email: impl Into<String>) -> Self {
        let id = id.into();
        let mut user = Map::new();
        user.insert("id".to_owned(), json!(id));
        user.insert("email".to_owned(), Value::String(email.into()));
        self.users.borrow_mut().insert(id, user);
        self
    }

    fn list(&self, input: &Map<String, Value>) -> Value {
        let number = |name: &str| {
            input.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
        };
        let users = self.users.borrow();
        let rows: Vec<_> = users
            .values()
            .skip(number("offset").unwrap_or(0))
            .take(number("limit").unwrap_or(usize::MAX))
            .collect();
        json!({ "rows": rows, "total": users.len() })
    }

    fn create(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        let mut users = self.users.borrow_mut();
        if users.values().any(|user| user.get("email") == input.get("email")) {
            return Err(LunoraError::custom("USER_ALREADY_EXISTS", 409, "the address is taken"));
        }
        let id = format!("user-{}", users.len() + 1);
        let mut user = input.clone();
        user.remove("password");
        user.insert("id".to_owned(), json!(id));
        users.insert(id, user.clone());
        Ok(Value::Object(user))
    }

    fn change(
        &self,
        input: &Map<String, Value>,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Value, LunoraError> {
        let mut users = self.users.borrow_mut();
        let id = input.get("userId").and_then(Value::as_str).unwrap_or_default();
        let user = users.get_mut(id).ok_or_else(no_user)?;
        change(user);
        Ok(Value::Object(user.clone()))
    }

    fn remove(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        let id = input.get("userId").and_then(Value::as_str).unwrap_or_default();
        self.users.borrow_mut().remove(id).map(|_| Value::Null).ok_or_else(no_user)
    }
}

fn no_user() -> LunoraError {
    LunoraError::custom("USER_NOT_FOUND", 404, "there is no such user")
}

impl AuthAdmin for MemoryAuth {
    fn run<'a>(
        &'a self,
        op: AuthOp,
        input: &'a Map<String, Value>,
    ) -> LocalBoxFuture<'a, Result<Option<Value>, LunoraError>> {
        let set = |name: &'static str, value: Value| {
            move |user: &mut Map<String, Value>| drop(user.insert(name.to_owned(), value))
        };
        let outcome = match op {
            AuthOp::ListUsers => Ok(self.list(input)),
            AuthOp::CreateUser => self.create(input),
            AuthOp::BanUser => self.change(input, set("banned", json!(true))),
            AuthOp::UnbanUser => self.change(input, set("banned", json!(false))),
            AuthOp::SetRole => {
                self.change(input, set("role", input.get("role").cloned().unwrap_or_default()))
            }
            AuthOp::RemoveUser => self.remove(input),
            _ => return ready(Ok(None)).boxed_local(),
        };
        ready(outcome.map(Some)).boxed_local()
    }
}

/// In-memory [`VectorIndexes`], whose similarity is how often a text contains the other.
///
/// ```
/// use lunora::{operate::VectorIndexes, testing::MemoryVectors};
///
/// # futures::executor::block_on(async {
/// let vectors = MemoryVectors::new().with_text("docs", "d1", "how to sail");
/// assert_eq!(vectors.query("docs", "sail", None).await?[0].id, "d1");
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryVectors {
    indexes: BTreeMap<String, Vec<(String, String)>>,
}

impl MemoryVectors {
    /// Returns an empty set of indexes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text to an index, and the index if it does not exist.
    #[must_use]
    pub fn with_text(
        mut self,
        index: impl Into<String>,
        id: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        self.indexes.entry(index.into()).or_default().push((id.into(), text.into()));
        self
    }
}

impl VectorIndexes for MemoryVectors {
    fn indexes(&self) -> LocalBoxFuture<'_, Result<Vec<VectorIndex>, LunoraError>> {
        let indexes = self.indexes.iter().map(|(name, texts)| VectorIndex {
            name: name.clone(),
            table: name.clone(),
            vectors_count: Some(texts.len() as u64),
            ..VectorIndex::default()
        });
        ready(Ok(indexes.collect())).boxed_local()
    }

    fn query<'a>(
        &'a self,
        index: &'a str,
        text: &'a str,
        top_k: Option<u32>,
    ) -> LocalBoxFuture<'a, Result<Vec<VectorMatch>, LunoraError>> {
        let Some(texts) = self.indexes.get(index) else {
            let missing = LunoraError::new(Code::NotFound, format!("there is no index `{index}`"));
            return ready(Err(missing)).boxed_local();
        };
        #[allow(clippy::cast_precision_loss, reason = "a count in a test")]
        let mut matches: Vec<VectorMatch> = texts
            .iter()
            .map(|(id, held)| (id, held.matches(text).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(id, count)| VectorMatch { id: id.clone(), score: count as f64, metadata: None })
            .collect();
        matches.sort_by(|a, b| b.score.total_cmp(&a.score));
        matches.truncate(top_k.and_then(|k| usize::try_from(k).ok()).unwrap_or(10));
        ready(Ok(matches)).boxed_local()
    }
}

/// A [`LogArchive`] in memory.
///
/// ```
/// use lunora::{operate::{LogArchive, LogQuery}, testing::MemoryLogArchive};
/// use serde_json::json;
///
/// # futures::executor::block_on(async {
/// let archive = MemoryLogArchive::new().with_line(json!({ "ts": 5, "level": "warn" }));
/// assert_eq!(archive.query(&LogQuery::default()).await?.rows.len(), 1);
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryLogArchive {
    lines: Vec<Map<String, Value>>,
}

impl MemoryLogArchive {
    /// Returns an archive without lines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line: an object whose field `ts` is its time in milliseconds since 1970.
    #[must_use]
    pub fn with_line(mut self, line: Value) -> Self {
        if let Value::Object(line) = line {
            self.lines.push(line);
        }
        self
    }
}

impl LogArchive for MemoryLogArchive {
    fn query<'a>(
        &'a self,
        query: &'a LogQuery,
    ) -> LocalBoxFuture<'a, Result<LogPage, LunoraError>> {
        let mut rows: Vec<_> =
            self.lines.iter().filter(|line| lets_through(query, line)).cloned().collect();
        rows.sort_by(|a, b| time(b).total_cmp(&time(a)));
        let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|line| LogCursor { ts: time(line) });
        ready(Ok(LogPage { rows, next_cursor })).boxed_local()
    }
}

fn lets_through(query: &LogQuery, line: &Map<String, Value>) -> bool {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let is = |name: &str, wanted: &Option<String>| {
        wanted.as_deref().is_none_or(|wanted| text(name) == Some(wanted))
    };
    let level = line.get("level").and_then(|level| LogLevel::deserialize(level).ok());
    let path = text("functionPath").unwrap_or_default();
    is("functionPath", &query.function_path)
        && is("traceId", &query.trace_id)
        && is("shardKey", &query.shard_key)
        && is("userId", &query.user_id)
        && query.function_path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
        && query.level.is_none_or(|wanted| level == Some(wanted))
        && query.min_level.is_none_or(|least| level >= Some(least))
        && query.since_ts.is_none_or(|since| time(line) >= since)
        && query.until_ts.is_none_or(|until| time(line) <= until)
        && query.cursor.is_none_or(|cursor| time(line) < cursor.ts)
}

fn time(line: &Map<String, Value>) -> f64 {
    line.get("ts").and_then(Value::as_f64).unwrap_or_default()
}
