//! A shard's host: a Durable Object with SQLite.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use wasm_bindgen::JsValue;
use worker::{Env, SqlStorage, State};

use super::{crashes, error::JsFailure, glue, recovery, sql_cells};
use crate::{
    errors::LunoraError,
    platform::{Environment, ShardHost, ShardNamespace, SqlCell, SqlFailure, SqlRows},
};

/// A shard's host: a Durable Object whose class is one of `new_sqlite_classes`.
pub struct DurableObjectHost {
    state: State,
    env: Env,
    sql: SqlStorage,
    storage: JsValue,
}

impl DurableObjectHost {
    /// Returns the object of `state`.
    #[must_use]
    pub fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let sql = storage.sql();
        Self { env, sql, storage: storage.as_raw().into(), state }
    }

    /// Returns the object itself, for its sockets.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl ShardHost for DurableObjectHost {
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure> {
        let length = glue::exec_sql(self.sql.as_ref(), sql, &sql_cells::write_params(params))
            .map_err(|thrown| SqlFailure(JsFailure::from(thrown).to_string()))?;
        let found = take_found(length);
        found
            .and_then(|found| sql_cells::read_rows(&found))
            .ok_or_else(|| SqlFailure("a statement's values could not cross".to_owned()))
    }

    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure> {
        match glue::transaction_sync(&self.storage, &mut || work()) {
            None => Ok(()),
            Some(message) => Err(SqlFailure(message)),
        }
    }

    fn database_bytes(&self) -> u64 {
        self.sql.database_size() as u64
    }

    fn shard_key(&self) -> String {
        self.state.id().name().unwrap_or_default()
    }

    fn now_ms(&self) -> u64 {
        worker::js_sys::Date::now() as u64
    }

    fn random_seed(&self) -> [u8; 32] {
        super::random_seed()
    }

    fn begin_call(&self, id: &str) -> u32 {
        crashes::begin_call(&self.state, id)
    }

    fn end_call(&self) {
        crashes::end_call(&self.state);
    }

    fn bookmark(
        &self,
        at_ms: Option<u64>,
    ) -> LocalBoxFuture<'_, Result<Option<String>, LunoraError>> {
        recovery::bookmark(&self.storage, at_ms)
    }

    fn restore_bookmark<'a>(
        &'a self,
        bookmark: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<String>, LunoraError>> {
        recovery::restore_bookmark(&self.storage, bookmark)
    }

    fn restart(&self) {
        recovery::restart(&self.state);
    }

    fn var(&self, name: &str) -> Option<String> {
        Environment::var(&self.env, name)
    }

    fn env(&self) -> Option<&Env> {
        Some(&self.env)
    }

    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError> {
        Ok(Rc::new(self.env.durable_object(binding)?))
    }
}

impl std::fmt::Debug for DurableObjectHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DurableObjectHost").finish_non_exhaustive()
    }
}

/// Takes what the last statement answered: `length` UTF-16 units, as UTF-8.
fn take_found(length: usize) -> Option<String> {
    /// The bytes of the longest character. With fewer left, the last one may not have fitted.
    const LONGEST: usize = 4;

    let mut bytes = vec![0; length + LONGEST];
    let written = glue::take_found(&mut bytes);
    let is_whole = written + LONGEST <= bytes.len();
    bytes.truncate(written);
    if !is_whole {
        // A UTF-16 unit has three bytes at most.
        let mut rest = vec![0; 3 * length.saturating_sub(sql_cells::units(&bytes))];
        let written = glue::take_found(&mut rest);
        bytes.extend_from_slice(rest.get(..written)?);
    }
    String::from_utf8(bytes).ok()
}
