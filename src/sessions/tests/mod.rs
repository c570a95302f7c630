//! The rules of sign-in and sessions, over the statements that D1 runs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod codes;
mod endpoints;
mod live;
#[cfg(feature = "admin")]
mod operators;

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::executor::block_on;
use serde_json::{Value, json};

use super::{CodeMail, SessionSecret, Sessions};
use crate::{
    Lunora, LunoraError, Request, Response,
    builder::{Builder, state::SetSessions},
    platform::NoopExecutionContext,
    testing::{self, ManualClock, MemoryDatabase, MemoryEnvironment, MemoryNamespace},
};

const SECRET: &str = "the secret of these tests has 32 characters or more";
const ORIGIN: &str = "https://app.example.com";
const ADA: &str = "ada@example.com";
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// A deployment, and what it sent.
struct Deployment {
    app: Lunora<MemoryEnvironment>,
    store: MemoryDatabase,
    clock: ManualClock,
    mails: Rc<RefCell<Vec<CodeMail>>>,
}

struct Answer {
    status: u16,
    cookie: Option<String>,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }

    /// The pair of the cookie, as a browser sends it back.
    fn pair(&self) -> String {
        self.cookie.as_deref().unwrap().split(';').next().unwrap().to_owned()
    }

    fn token(&self) -> String {
        self.body["token"].as_str().unwrap().to_owned()
    }
}

fn deployment() -> Deployment {
    with(SECRET, &MemoryDatabase::new().unwrap(), &ManualClock::new(1_800_000_000_000), |it| {
        it.build()
    })
}

/// Builds a deployment over a database, which another one may share.
fn with(
    secret: &str,
    store: &MemoryDatabase,
    clock: &ManualClock,
    build: impl FnOnce(
        Builder<
            crate::builder::state::SetShardDo<SetSessions<crate::builder::state::SetClock>>,
            MemoryEnvironment,
        >,
    ) -> Lunora<MemoryEnvironment>,
) -> Deployment {
    let mails = Rc::new(RefCell::new(Vec::new()));
    let sent = mails.clone();
    let env = MemoryEnvironment::new().with_var(SessionSecret::VARIABLE, secret);
    let sessions = Sessions::new_for::<MemoryEnvironment>(
        store.clone(),
        SessionSecret::from_env(&env).unwrap(),
    )
    .clock(clock.clone())
    .send_code(async move |mail, _env| -> Result<(), LunoraError> {
        sent.borrow_mut().push(mail);
        Ok(())
    });
    // A shard that says who calls.
    let shards = MemoryNamespace::new(async |_, request: Request| {
        let user = request.header("x-lunora-userid").map(str::to_owned);
        Response::raw_json(json!({ "result": user }).to_string())
    });
    let builder = testing::builder().clock(clock.clone()).sessions(sessions).shard_do(shards);
    Deployment { app: build(builder), store: store.clone(), clock: clock.clone(), mails }
}

impl Deployment {
    async fn fetch(&self, request: Request) -> Answer {
        let answer =
            self.app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext).await;
        let (parts, body) = answer.into_parts();
        let bytes = body.into_bytes(1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            cookie: parts.headers.get("set-cookie").map(|it| it.to_str().unwrap().to_owned()),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    fn ask(&self, request: Request) -> Answer {
        block_on(self.fetch(request))
    }

    fn send(&self, email: &str) -> Answer {
        self.ask(send(email))
    }

    fn code(&self) -> String {
        self.mails.borrow().last().unwrap().code().to_owned()
    }

    /// A code that is not the one that was sent.
    fn wrong_code(&self) -> String {
        if self.code() == "000000" { "000001".into() } else { "000000".into() }
    }

    fn try_code(&self, email: &str, code: &str) -> Answer {
        self.ask(sign_in(email, code))
    }

    fn sign_in(&self, email: &str) -> Answer {
        assert_eq!(self.send(email).status, 200);
        let answer = self.try_code(email, &self.code());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    fn session(&self, pair: &str) -> Answer {
        self.ask(get("/api/auth/get-session").with_header("cookie", pair))
    }

    /// Who a shard takes for the caller.
    fn caller(&self, header: &str, value: &str) -> Answer {
        self.ask(call().with_header(header, value))
    }
}

fn get(path: &str) -> Request {
    Request::get(format!("{ORIGIN}{path}"))
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(format!("{ORIGIN}{path}"), body.to_string())
        .with_header("content-type", "application/json")
        .with_header("origin", ORIGIN)
}

fn send(email: &str) -> Request {
    post("/api/auth/email-otp/send-verification-otp", &json!({ "email": email, "type": "sign-in" }))
}

fn sign_in(email: &str, code: &str) -> Request {
    post("/api/auth/sign-in/email-otp", &json!({ "email": email, "otp": code }))
}

fn call() -> Request {
    post("/_lunora/rpc", &json!({ "functionPath": "who:am" }))
}
