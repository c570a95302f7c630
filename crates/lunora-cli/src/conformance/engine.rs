//! Runs the cases, and what a case asks the deployment with.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Request;

use super::{
    answer::Answer,
    case::{Case, Checked, Mismatch},
    report::{Report, Verdict},
    target::{Function, Target},
};

/// An origin that no deployment allows.
pub(crate) const FOREIGN: &str = "https://conformance.invalid";

pub(crate) const RPC: &str = "/_lunora/rpc";
pub(crate) const BATCH: &str = "/_lunora/rpc-batch";

/// Runs the cases one after another, each `within` a time, and passes the line of each to `note`.
pub(crate) fn run(
    cases: &[&Case],
    target: &Target,
    within: Duration,
    mut note: impl FnMut(&str),
) -> Report {
    let mut report = Report::new(target.client.url());
    for case in cases {
        let start = Instant::now();
        let verdict = match case.needs.iter().find(|need| !target.has(**need)) {
            Some(need) => Verdict::Skipped(need.missing()),
            None => match check(case, target, start + within) {
                Ok(()) => Verdict::Ok,
                Err(mismatch) => Verdict::Failed(mismatch),
            },
        };
        note(&report.add(case, verdict, start.elapsed(), |text| target.redact(text)));
    }
    report
}

fn check(case: &Case, target: &Target, deadline: Instant) -> Checked {
    (case.check)(&mut Run { target, rule: case.rule, deadline, ids: 0 })
}

/// One run of a case.
pub(crate) struct Run<'a> {
    pub(crate) target: &'a Target,
    rule: &'static str,
    deadline: Instant,
    ids: u32,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum As {
    /// The user of the command line, or an anonymous caller.
    User,
    Anonymous,
    Operator,
}

pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Run<'_> {
    /// Returns the time that is left; at least a millisecond, since zero means no timeout.
    pub(crate) fn left(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns an id that no other run has used.
    pub(crate) fn fresh(&mut self) -> String {
        self.ids += 1;
        format!("{}-{}-{}", self.target.run, self.rule, self.ids)
    }

    /// Sends any request; an answer of any status is an answer.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        caller: As,
        headers: Headers<'_>,
        body: &str,
    ) -> Result<Answer, Mismatch> {
        let shown = shown(method, path, headers, body);
        let lost = |error: &dyn std::fmt::Display| Mismatch {
            request: shown.clone(),
            expected: "an answer in time".to_owned(),
            got: format!("none: {error}"),
        };
        let mut request = Request::builder().method(method).uri(self.target.url(path));
        let bearer = match caller {
            As::User => self.target.user(),
            As::Anonymous => None,
            As::Operator => Some(self.target.admin()),
        };
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes().to_vec()).map_err(|error| lost(&error))?;
        let response = self.target.client.exchange(request, self.left());
        Answer::read(shown.clone(), response.map_err(|error| lost(&error))?)
            .map_err(|error| lost(&error))?
            .without_internals()
    }

    /// Posts a body as the user.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Answer, Mismatch> {
        self.send("POST", path, As::User, &[], body)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer, Mismatch> {
        self.send("GET", path, As::Anonymous, &[], "")
    }

    /// Returns the body of a call on the shard of the command line.
    pub(crate) fn call(&self, function: &Function) -> Value {
        let mut call = json!({ "functionPath": function.path, "args": function.args });
        if let (Some(shard), Some(call)) = (&self.target.shard, call.as_object_mut()) {
            call.insert("shardKey".to_owned(), json!(shard));
        }
        call
    }

    /// Calls a function as the user.
    pub(crate) fn rpc(
        &self,
        function: &Function,
        headers: Headers<'_>,
    ) -> Result<Answer, Mismatch> {
        self.send("POST", RPC, As::User, headers, &self.call(function).to_string())
    }

    /// Returns the value of the query.
    pub(crate) fn read(&self) -> Result<Value, Mismatch> {
        let answer = self.rpc(&self.target.query(), &[])?;
        answer.status(200)?.field("result")
    }
}

/// Returns a request as a report prints it.
fn shown(method: &str, path: &str, headers: Headers<'_>, body: &str) -> String {
    let headers = headers.iter().map(|(name, value)| format!("\n{name}: {value}"));
    let headers = headers.collect::<String>();
    if body.is_empty() {
        format!("{method} {path}{headers}")
    } else {
        format!("{method} {path}{headers}\n{body}")
    }
}
