//! A call that crashes the instance every time gets a final answer after three crashes.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use futures::executor::block_on;

use super::*;
use crate::{
    Env, Request,
    platform::{ShardHost, ShardNamespace, SqlCell, SqlFailure, SqlRows, memory::SqliteHost},
};

/// A host that counts crashes as the platform does, over a database that outlives them.
struct Host {
    sqlite: Rc<SqliteHost>,
    running: RefCell<Option<String>>,
    crashes: RefCell<BTreeMap<String, u32>>,
}

impl Host {
    /// Simulates the death of an instance and the start of the next.
    fn crash(&self) {
        self.sqlite.abandon_transaction();
        if let Some(key) = self.running.take() {
            *self.crashes.borrow_mut().entry(key).or_default() += 1;
        }
    }
}

impl ShardHost for Host {
    fn exec(&self, sql: &str, params: &[SqlCell]) -> Result<SqlRows, SqlFailure> {
        self.sqlite.exec(sql, params)
    }
    fn transaction(&self, work: &mut dyn FnMut() -> bool) -> Result<(), SqlFailure> {
        self.sqlite.transaction(work)
    }
    fn database_bytes(&self) -> u64 {
        self.sqlite.database_bytes()
    }
    fn shard_key(&self) -> String {
        self.sqlite.shard_key()
    }
    fn now_ms(&self) -> u64 {
        self.sqlite.now_ms()
    }
    fn random_seed(&self) -> [u8; 32] {
        self.sqlite.random_seed()
    }
    fn begin_call(&self, id: &str) -> u32 {
        *self.running.borrow_mut() = Some(id.to_owned());
        self.crashes.borrow().get(id).copied().unwrap_or_default()
    }
    fn end_call(&self) {
        self.running.take();
    }
    fn var(&self, name: &str) -> Option<String> {
        self.sqlite.var(name)
    }
    fn env(&self) -> Option<&Env> {
        None
    }
    fn namespace(&self, binding: &str) -> Result<Rc<dyn ShardNamespace>, LunoraError> {
        self.sqlite.namespace(binding)
    }
}

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

#[allow(clippy::panic, reason = "on purpose")]
fn shatter(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    RUNS.set(RUNS.get() + 1);
    ctx.db().insert(MESSAGES, message("ada", "never kept"))?;
    panic!("on purpose")
}

#[allow(clippy::panic, reason = "on purpose")]
async fn shatter_later(_: Action, _: NoArgs) -> Result<(), LunoraError> {
    RUNS.set(RUNS.get() + 1);
    panic!("on purpose")
}

/// Sends a call with an id; `None` if the instance died under it.
fn send(host: &Rc<Host>, path: &str, id: &str) -> Option<(u16, Value)> {
    let definition =
        definition().mutation("test:shatter", shatter).action("test:shatterLater", shatter_later);
    let shard = Shard::new(host.clone(), definition);
    let args = if path == "messages:send" { json!(message("ada", "sound")) } else { json!({}) };
    let body = json!({ "functionPath": path, "args": args }).to_string();
    let request = Request::post("https://shard.internal/rpc", body)
        .with_header("x-lunora-userid", "ada")
        .with_header("x-lunora-mutation-id", id);
    let answer = catch_unwind(AssertUnwindSafe(|| block_on(shard.fetch(request))));
    let Ok(response) = answer else {
        host.crash();
        return None;
    };
    let (head, body) = response.into_parts();
    let body = block_on(body.into_bytes(usize::MAX)).unwrap();
    Some((head.status.as_u16(), serde_json::from_slice(&body).unwrap()))
}

#[test]
fn answers_a_call_that_crashed_three_times_without_running_it() {
    for path in ["test:shatter", "test:shatterLater"] {
        let sqlite = SqliteHost::new("test", crate::testing::ManualClock::new(1)).unwrap();
        let host =
            Rc::new(Host { sqlite, running: RefCell::default(), crashes: RefCell::default() });
        RUNS.set(0);
        for _ in 0..3 {
            assert_eq!(send(&host, path, "m-1"), None, "{path}");
        }
        for _ in 0..2 {
            assert_eq!(code_of(&send(&host, path, "m-1").unwrap()), (500, "INTERNAL"), "{path}");
        }
        assert_eq!(RUNS.get(), 3, "{path}");
        assert_eq!(send(&host, path, "m-2"), None, "another write of the same function runs");
        assert_eq!(send(&host, "messages:send", "m-3").unwrap().0, 200);
        let rows = host.exec("SELECT count(*) FROM messages", &[]).unwrap().rows;
        assert_eq!(rows, [[SqlCell::Number(1.0)]], "{path}");
    }
}
