//! Users and sessions, as operators manage them.

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value, json};

use super::{
    address::Address,
    endpoints::{date, session_json, user_json},
    keeper::{Keeper, ms, new_id},
    tables::{number, statement, text},
};
use crate::{
    errors::LunoraError,
    platform::{AuthAdmin, AuthOp, random_seed},
};

/// The rows of a page, if an operator names no other number.
const PAGE: u64 = 100;
const MAX_PAGE: u64 = 1000;
/// A ban without an end: the largest whole number of a double.
const FOREVER: u64 = 9_007_199_254_740_991;

/// The users that match `?1` (a part of the address or the name) and the field `?2` with the value `?3`.
macro_rules! matching {
    () => {
        " FROM lunora_users WHERE (instr(email, lower(?1)) > 0 OR instr(lower(name), lower(?1)) > 0) \
          AND (?2 = '' OR CASE ?2 WHEN 'id' THEN id WHEN 'email' THEN email ELSE name END = ?3)"
    };
}

macro_rules! page_of_users {
    ($direction:literal) => {
        concat!(
            "SELECT *",
            matching!(),
            " ORDER BY CASE ?4 WHEN 'email' THEN email WHEN 'name' THEN name ELSE created_at END ",
            $direction,
            ", id LIMIT ?5 OFFSET ?6"
        )
    };
}

const USERS: &str = page_of_users!("ASC");
const USERS_DESCENDING: &str = page_of_users!("DESC");
const COUNT_USERS: &str = concat!("SELECT COUNT(*) AS n", matching!());
const SESSIONS: &str = "SELECT * FROM lunora_sessions WHERE (?1 = '' OR user_id = ?1) AND expires_at > ?2 \
    ORDER BY created_at DESC, id LIMIT ?3 OFFSET ?4";
const COUNT_SESSIONS: &str = "SELECT COUNT(*) AS n FROM lunora_sessions \
    WHERE (?1 = '' OR user_id = ?1) AND expires_at > ?2";
const BAN: &str = "UPDATE lunora_users SET banned_until = ?2, ban_reason = ?3, updated_at = ?4 \
    WHERE id = ?1 RETURNING *";
const REMOVE_USER: &str = "DELETE FROM lunora_users WHERE id = ?1 RETURNING id";
const END: &str = "DELETE FROM lunora_sessions WHERE id = ?1";
const END_OF_USER: &str = "DELETE FROM lunora_sessions WHERE user_id = ?1";

/// The user management over the tables of sessions.
pub(super) struct SessionAdmin(pub(super) Keeper);

impl SessionAdmin {
    async fn list_users(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        let known = |name: &str, allowed: &[&str]| match text(input, name) {
            "" => Ok(String::new()),
            given if allowed.contains(&given) => Ok(given.to_owned()),
            _ => Err(LunoraError::bad_request(format!(
                "`{name}` must be one of {}",
                allowed.join(", ")
            ))),
        };
        let field = known("filterField", &["id", "email", "name"])?;
        let sort = known("sortBy", &["createdAt", "email", "name"])?;
        let direction = known("sortDirection", &["asc", "desc"])?;
        known("searchField", &["email", "name"])?;
        let (search, value) = (text(input, "search"), text(input, "filterValue"));
        let (limit, offset) = page(input);
        let select = if direction == "desc" { USERS_DESCENDING } else { USERS };
        let filter = [search.into(), field.clone().into(), value.into()];
        let rows =
            [search.into(), field.into(), value.into(), sort.into(), limit.into(), offset.into()];
        let [rows, count] =
            self.0.tables.run([statement(select, rows), statement(COUNT_USERS, filter)]).await?;
        let now = self.0.now();
        let rows: Vec<Value> = rows.iter().map(|row| with_ban(row, now)).collect();
        Ok(json!({ "rows": rows, "total": count.first().map_or(0, |row| number(row, "n")) }))
    }

    async fn list_sessions(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        let (user_id, now) = (text(input, "userId"), self.0.now());
        let (limit, offset) = page(input);
        let [rows, count] = self
            .0
            .tables
            .run([
                statement(SESSIONS, [user_id.into(), now.into(), limit.into(), offset.into()]),
                statement(COUNT_SESSIONS, [user_id.into(), now.into()]),
            ])
            .await?;
        let rows: Vec<Value> = rows.iter().map(session_json).collect();
        Ok(json!({ "rows": rows, "total": count.first().map_or(0, |row| number(row, "n")) }))
    }

    async fn create_user(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        for unknown in ["password", "role", "data"] {
            if input.contains_key(unknown) {
                let message = format!("`{unknown}` has no meaning here: a user signs in by codes");
                return Err(LunoraError::bad_request(message));
            }
        }
        let address = Address::parse(text(input, "email"))?;
        let (id, now) = (new_id(&mut random_seed), self.0.now());
        let made = self.0.tables.put_user(&id, address.as_str(), text(input, "name"), now).await?;
        let taken = || LunoraError::custom("USER_ALREADY_EXISTS", 409, "the address is taken");
        Ok(with_ban(&made.ok_or_else(taken)?, now))
    }

    /// Bans a user until a moment, and ends the sessions of the user; or lifts the ban.
    async fn ban(
        &self,
        input: &Map<String, Value>,
        until: Option<u64>,
    ) -> Result<Value, LunoraError> {
        let (id, now) = (text(input, "userId"), self.0.now());
        let reason = until.and_then(|_| input.get("reason")).and_then(Value::as_str);
        let ban = statement(BAN, [id.into(), until.into(), reason.into(), now.into()]);
        let rows = if until.is_some() {
            let [rows, _] = self.0.tables.run([ban, statement(END_OF_USER, [id.into()])]).await?;
            rows
        } else {
            let [rows] = self.0.tables.run([ban]).await?;
            rows
        };
        Ok(with_ban(rows.first().ok_or_else(no_user)?, now))
    }

    async fn remove_user(&self, input: &Map<String, Value>) -> Result<Value, LunoraError> {
        let id = text(input, "userId");
        let [removed, _] = self
            .0
            .tables
            .run([statement(REMOVE_USER, [id.into()]), statement(END_OF_USER, [id.into()])])
            .await?;
        if removed.is_empty() { Err(no_user()) } else { Ok(Value::Null) }
    }

    /// Returns the end of a ban.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is at least 0"
    )]
    fn end_of_ban(&self, input: &Map<String, Value>) -> u64 {
        match input.get("expiresInSeconds").and_then(Value::as_f64) {
            Some(seconds) => {
                self.0.now().saturating_add((seconds.max(0.0) * 1000.0) as u64).min(FOREVER)
            }
            None => FOREVER,
        }
    }

    async fn answer(
        &self,
        op: AuthOp,
        input: &Map<String, Value>,
    ) -> Result<Option<Value>, LunoraError> {
        let answer = match op {
            AuthOp::Capabilities => Ok(json!({
                "accounts": false, "admin": true, "organization": false, "passkey": false, "twoFactor": false,
            })),
            AuthOp::Config => Ok(json!({
                "emailOtp": true, "emailAndPassword": false, "sessionExpiresInSeconds": ms(self.0.lifetime) / 1000,
            })),
            AuthOp::ListUsers => self.list_users(input).await,
            AuthOp::ListSessions => self.list_sessions(input).await,
            AuthOp::CreateUser => self.create_user(input).await,
            AuthOp::BanUser => self.ban(input, Some(self.end_of_ban(input))).await,
            AuthOp::UnbanUser => self.ban(input, None).await,
            AuthOp::RemoveUser => self.remove_user(input).await,
            AuthOp::RevokeUserSession => {
                self.0.tables.run([statement(END, [text(input, "sessionId").into()])]).await?;
                Ok(Value::Null)
            }
            AuthOp::RevokeUserSessions => {
                self.0.tables.end_all_of(text(input, "userId")).await?;
                Ok(Value::Null)
            }
            _ => return Ok(None),
        };
        answer.map(Some)
    }
}

impl AuthAdmin for SessionAdmin {
    fn run<'a>(
        &'a self,
        op: AuthOp,
        input: &'a Map<String, Value>,
    ) -> LocalBoxFuture<'a, Result<Option<Value>, LunoraError>> {
        Box::pin(self.answer(op, input))
    }
}

fn page(input: &Map<String, Value>) -> (u64, u64) {
    let limit = if input.contains_key("limit") { number(input, "limit") } else { PAGE };
    (limit.min(MAX_PAGE), number(input, "offset"))
}

/// Returns a user as operators see it: with the ban, if it is in force.
fn with_ban(row: &Map<String, Value>, now: u64) -> Value {
    let mut user = user_json(row);
    let until = number(row, "banned_until");
    user["banned"] = (until > now).into();
    if until > now {
        user["banReason"] = row.get("ban_reason").cloned().unwrap_or_default();
        user["banExpires"] =
            if until == FOREVER { Value::Null } else { date(row, "banned_until").into() };
    }
    user
}

fn no_user() -> LunoraError {
    LunoraError::custom("USER_NOT_FOUND", 404, "there is no such user")
}
