//! The tables of users, sessions and codes, and every statement on them.
//!
//! They hold hashes of codes and tokens, so that a copy of the database does not let its reader sign in. A race of
//! two Workers is decided by one statement.

use std::{cell::Cell, rc::Rc};

use serde_json::{Map, Value};

pub(super) use crate::platform::database::text;
use crate::{
    errors::LunoraError,
    platform::{DatabaseRows, DatabaseStatement, GlobalDatabase, SqlCell, database},
};

const TABLES: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS lunora_users (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, \
     email_verified INTEGER NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, \
     banned_until INTEGER, ban_reason TEXT)",
    "CREATE TABLE IF NOT EXISTS lunora_sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, \
     token_hash TEXT NOT NULL UNIQUE, old_token_hash TEXT UNIQUE, old_until INTEGER, \
     created_at INTEGER NOT NULL, renewed_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, \
     user_agent TEXT)",
    "CREATE INDEX IF NOT EXISTS lunora_sessions_by_user ON lunora_sessions (user_id)",
    "CREATE INDEX IF NOT EXISTS lunora_sessions_by_expiry ON lunora_sessions (expires_at)",
    "CREATE TABLE IF NOT EXISTS lunora_codes (address_hash TEXT PRIMARY KEY, \
     code_hash TEXT NOT NULL, attempts INTEGER NOT NULL, expires_at INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lunora_code_limits (key_hash TEXT PRIMARY KEY, \
     sent INTEGER NOT NULL, until INTEGER NOT NULL)",
];

const COUNT_SENT: &str = "INSERT INTO lunora_code_limits (key_hash, sent, until) VALUES (?1, 1, ?2) \
    ON CONFLICT (key_hash) DO UPDATE SET sent = CASE WHEN until <= ?3 THEN 1 ELSE sent + 1 END, \
    until = CASE WHEN until <= ?3 THEN ?2 ELSE until END \
    WHERE until <= ?3 OR sent < ?4 RETURNING sent";
const UNTIL: &str = "SELECT until FROM lunora_code_limits WHERE key_hash = ?1";

const PUT_CODE: &str = "INSERT OR REPLACE INTO lunora_codes \
    (address_hash, code_hash, attempts, expires_at) VALUES (?1, ?2, 0, ?3)";
const FORGET_CODES: &str = "DELETE FROM lunora_codes WHERE expires_at <= ?1";
const FORGET_LIMITS: &str = "DELETE FROM lunora_code_limits WHERE until <= ?1";
const COUNT_ATTEMPT: &str = "UPDATE lunora_codes SET attempts = attempts + 1 \
    WHERE address_hash = ?1 AND expires_at > ?2 AND attempts < ?3 RETURNING code_hash";
const USE_CODE: &str =
    "DELETE FROM lunora_codes WHERE address_hash = ?1 AND code_hash = ?2 RETURNING address_hash";

#[cfg(feature = "admin")]
const PUT_USER: &str = "INSERT INTO lunora_users \
    (id, email, email_verified, name, created_at, updated_at) VALUES (?1, ?2, 0, ?3, ?4, ?4) \
    ON CONFLICT (email) DO NOTHING RETURNING *";
const PUT_VERIFIED_USER: &str = "INSERT INTO lunora_users \
    (id, email, email_verified, name, created_at, updated_at) VALUES (?1, ?2, 1, '', ?3, ?3) \
    ON CONFLICT (email) DO UPDATE SET email_verified = 1";
const PUT_SESSION: &str = "INSERT INTO lunora_sessions \
    (id, user_id, token_hash, created_at, renewed_at, expires_at, user_agent) \
    SELECT ?1, id, ?2, ?3, ?3, ?4, ?5 FROM lunora_users \
    WHERE email = ?6 AND (banned_until IS NULL OR banned_until <= ?3) RETURNING id";
const USER_OF_ADDRESS: &str = "SELECT * FROM lunora_users WHERE email = ?1";
const FORGET_SESSIONS: &str = "DELETE FROM lunora_sessions WHERE expires_at <= ?1";

const FIND_SESSION: &str = "SELECT s.*, s.token_hash = ?1 AS is_current, u.email, u.name, \
    u.created_at AS user_created_at, u.updated_at AS user_updated_at \
    FROM lunora_sessions s JOIN lunora_users u ON u.id = s.user_id \
    WHERE (s.token_hash = ?1 OR (s.old_token_hash = ?1 AND s.old_until > ?2)) \
    AND s.expires_at > ?2 AND (u.banned_until IS NULL OR u.banned_until <= ?2)";
const ROTATE: &str = "UPDATE lunora_sessions SET old_token_hash = token_hash, old_until = ?3, \
    token_hash = ?2, renewed_at = ?4, expires_at = ?5 WHERE token_hash = ?1 RETURNING id";
const PROLONG: &str = "UPDATE lunora_sessions SET renewed_at = ?2, expires_at = ?3 \
    WHERE token_hash = ?1 RETURNING id";
const END_BY_TOKEN: &str = "DELETE FROM lunora_sessions \
    WHERE token_hash = ?1 OR (old_token_hash = ?1 AND old_until > ?2)";
const SESSIONS_OF: &str = "SELECT * FROM lunora_sessions WHERE user_id = ?1 AND expires_at > ?2 \
    ORDER BY created_at DESC, id LIMIT 100";
const END_OF_USER: &str = "DELETE FROM lunora_sessions WHERE user_id = ?1";

/// The database, whose tables are made by the first call.
#[derive(Clone)]
pub(super) struct Tables {
    store: Rc<dyn GlobalDatabase>,
    made: Rc<Cell<bool>>,
}

/// A new session.
pub(super) struct NewSession<'a> {
    pub(super) id: &'a str,
    pub(super) token_hash: &'a str,
    pub(super) user_agent: Option<&'a str>,
    pub(super) expires_at: u64,
}

impl Tables {
    pub(super) fn new(store: impl GlobalDatabase) -> Self {
        Self { store: Rc::new(store), made: Rc::default() }
    }

    /// Runs statements in one transaction, and returns the rows of each.
    pub(super) async fn run<const N: usize>(
        &self,
        statements: [DatabaseStatement; N],
    ) -> Result<[DatabaseRows; N], LunoraError> {
        let tables = if self.made.get() { &[][..] } else { &TABLES[..] };
        let mut all: Vec<_> = tables.iter().map(|sql| statement(sql, [])).collect();
        all.extend(statements);
        let mut rows = self.store.run(all).await?.into_iter().skip(tables.len());
        self.made.set(true);
        Ok(std::array::from_fn(|_| rows.next().unwrap_or_default()))
    }

    /// Counts a code that is about to be sent, unless `limit` were sent since the window began. Returns
    /// when the window ends if the code must not be sent.
    pub(super) async fn count_sent(
        &self,
        key_hash: &str,
        limit: u32,
        now: u64,
        until: u64,
    ) -> Result<Option<u64>, LunoraError> {
        let values = [key_hash.into(), until.into(), now.into(), limit.into()];
        let [counted, window] =
            self.run([statement(COUNT_SENT, values), statement(UNTIL, [key_hash.into()])]).await?;
        let is_allowed = !counted.is_empty();
        Ok((!is_allowed).then(|| window.first().map_or(until, |row| number(row, "until"))))
    }

    /// Keeps the hash of a code in place of an earlier one, and drops what is no longer needed.
    pub(super) async fn put_code(
        &self,
        address_hash: &str,
        code_hash: &str,
        now: u64,
        expires_at: u64,
    ) -> Result<(), LunoraError> {
        let values = [address_hash.into(), code_hash.into(), expires_at.into()];
        self.run([
            statement(FORGET_CODES, [now.into()]),
            statement(FORGET_LIMITS, [now.into()]),
            statement(PUT_CODE, values),
        ])
        .await
        .map(drop)
    }

    /// Counts an attempt at the code of an address, and returns the hash of the code; `None` if there is
    /// none, or it had all its attempts.
    pub(super) async fn count_attempt(
        &self,
        address_hash: &str,
        limit: u32,
        now: u64,
    ) -> Result<Option<String>, LunoraError> {
        let values = [address_hash.into(), now.into(), limit.into()];
        let [counted] = self.run([statement(COUNT_ATTEMPT, values)]).await?;
        Ok(counted.first().map(|row| text(row, "code_hash").to_owned()))
    }

    /// Uses a code up. Returns whether this call did.
    pub(super) async fn use_code(
        &self,
        address_hash: &str,
        code_hash: &str,
    ) -> Result<bool, LunoraError> {
        let values = [address_hash.into(), code_hash.into()];
        let [used] = self.run([statement(USE_CODE, values)]).await?;
        Ok(!used.is_empty())
    }

    /// Makes a session of the user of an address, who is made if there is none. Returns the user, and
    /// whether there is a session: a banned user has none.
    pub(super) async fn put_session(
        &self,
        user_id: &str,
        email: &str,
        session: NewSession<'_>,
        now: u64,
    ) -> Result<(Map<String, Value>, bool), LunoraError> {
        let NewSession { id, token_hash, user_agent, expires_at } = session;
        let user = [user_id.into(), email.into(), now.into()];
        let values = [
            id.into(),
            token_hash.into(),
            now.into(),
            expires_at.into(),
            user_agent.into(),
            email.into(),
        ];
        let [_, _, made, user] = self
            .run([
                statement(FORGET_SESSIONS, [now.into()]),
                statement(PUT_VERIFIED_USER, user),
                statement(PUT_SESSION, values),
                statement(USER_OF_ADDRESS, [email.into()]),
            ])
            .await?;
        Ok((user.into_iter().next().unwrap_or_default(), !made.is_empty()))
    }

    /// Makes a user; `None` if the address is taken.
    #[cfg(feature = "admin")]
    pub(super) async fn put_user(
        &self,
        id: &str,
        email: &str,
        name: &str,
        now: u64,
    ) -> Result<Option<Map<String, Value>>, LunoraError> {
        let values = [id.into(), email.into(), name.into(), now.into()];
        let [made] = self.run([statement(PUT_USER, values)]).await?;
        Ok(made.into_iter().next())
    }

    /// Returns the session of a token, with its user.
    pub(super) async fn find_session(
        &self,
        token_hash: &str,
        now: u64,
    ) -> Result<Option<Map<String, Value>>, LunoraError> {
        let [found] = self.run([statement(FIND_SESSION, [token_hash.into(), now.into()])]).await?;
        Ok(found.into_iter().next())
    }

    /// Gives a session another token; the one before stays valid until `old_until`. Returns whether this
    /// call did: of two at once, one does.
    pub(super) async fn rotate(
        &self,
        token_hash: &str,
        new_hash: &str,
        old_until: u64,
        now: u64,
        expires_at: u64,
    ) -> Result<bool, LunoraError> {
        let values =
            [token_hash.into(), new_hash.into(), old_until.into(), now.into(), expires_at.into()];
        let [rotated] = self.run([statement(ROTATE, values)]).await?;
        Ok(!rotated.is_empty())
    }

    /// Moves the expiry of a session.
    pub(super) async fn prolong(
        &self,
        token_hash: &str,
        now: u64,
        expires_at: u64,
    ) -> Result<(), LunoraError> {
        let values = [token_hash.into(), now.into(), expires_at.into()];
        self.run([statement(PROLONG, values)]).await.map(drop)
    }

    pub(super) async fn end_by_token(&self, token_hash: &str, now: u64) -> Result<(), LunoraError> {
        self.run([statement(END_BY_TOKEN, [token_hash.into(), now.into()])]).await.map(drop)
    }

    pub(super) async fn sessions_of(
        &self,
        user_id: &str,
        now: u64,
    ) -> Result<DatabaseRows, LunoraError> {
        let [rows] = self.run([statement(SESSIONS_OF, [user_id.into(), now.into()])]).await?;
        Ok(rows)
    }

    pub(super) async fn end_all_of(&self, user_id: &str) -> Result<(), LunoraError> {
        self.run([statement(END_OF_USER, [user_id.into()])]).await.map(drop)
    }
}

pub(super) fn statement<const N: usize>(
    sql: &'static str,
    values: [SqlCell; N],
) -> DatabaseStatement {
    DatabaseStatement { sql: sql.into(), values: values.into() }
}

/// Returns the number of a column, or 0.
pub(super) fn number(row: &Map<String, Value>, column: &str) -> u64 {
    database::number(row, column).unwrap_or_default()
}
