//! `lunora backup status`.

use serde::Deserialize;
use serde_json::Value;

use super::{Manifest, drill::Problem};
use crate::{Outcome, client::Client, failure::Failure, output::Output};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    cron: String,
    #[serde(default)]
    foreign: u64,
    #[serde(default)]
    last: Option<Manifest>,
    #[serde(default)]
    verified_at: Option<String>,
    due: Option<String>,
    next: Option<String>,
    #[serde(default)]
    since: Option<String>,
    overdue: bool,
    #[serde(default)]
    unfinished: Vec<Unfinished>,
    #[serde(default)]
    drilled_at: Option<String>,
    #[serde(default)]
    drill: Option<Drill>,
}

/// A run that another invocation continues.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unfinished {
    id: String,
    left_at: String,
    shards: u64,
    rows: u64,
}

/// The state of the drills.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Drill {
    #[serde(default)]
    last: Option<LastDrill>,
    #[serde(default)]
    due: Option<String>,
    #[serde(default)]
    next: Option<String>,
    overdue: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastDrill {
    at: String,
    ok: bool,
    #[serde(default)]
    problem: Option<Problem>,
    snapshot: String,
    shards: u64,
    of_shards: u64,
    rows: u64,
}

impl Drill {
    fn is_red(&self) -> bool {
        self.overdue || self.last.as_ref().is_some_and(|last| !last.ok)
    }

    fn to_text(&self) -> String {
        let mut lines = vec![match &self.last {
            None => "drill     no drill yet".to_owned(),
            Some(LastDrill { at, ok: true, snapshot, shards, of_shards, rows, .. }) => format!(
                "drill     {at}: {rows} rows in {shards} of {of_shards} shards of {snapshot} restored"
            ),
            Some(LastDrill { at, problem, snapshot, .. }) => {
                let reason = problem.as_ref().map_or_else(String::new, Problem::to_text);
                format!("drill     {at}: FAILED for {snapshot}: {reason}")
            }
        }];
        if let Some(next) = &self.next {
            lines.push(format!("          next {next}"));
        }
        if self.overdue {
            let due = self.due.as_deref().unwrap_or("unknown");
            lines.push(format!("          overdue, since {due}"));
        }
        lines.join("\n")
    }
}

impl Status {
    fn to_text(&self) -> String {
        let unknown = || "unknown".to_owned();
        let mut lines = vec![format!("trigger   {}", self.cron)];
        match &self.last {
            Some(last) => {
                lines.push(format!("last      {}", last.id));
                lines.push(format!("size      {} rows, {} bytes", last.rows, last.bytes));
                let verified = self.verified_at.as_deref().unwrap_or("no");
                lines.push(format!("verified  {verified}"));
                if let Some(drilled) = &self.drilled_at {
                    lines.push(format!("drilled   {drilled}"));
                }
                let left_out = last.left_out.to_text();
                if !left_out.is_empty() {
                    lines.push(format!("left out  {left_out}"));
                }
            }
            None => lines.push("last      no snapshot".to_owned()),
        }
        if let Some(since) = &self.since {
            lines.push(format!("since     {since}"));
        }
        lines.push(format!("next      {}", self.next.clone().unwrap_or_else(unknown)));
        lines.push(match self.overdue {
            true => format!("overdue   yes, since {}", self.due.clone().unwrap_or_else(unknown)),
            false => "overdue   no".to_owned(),
        });
        for Unfinished { id, left_at, shards, rows } in &self.unfinished {
            lines.push(format!(
                "running   {id}: {rows} rows, {shards} shards complete, last at {left_at}"
            ));
        }
        lines.extend(self.drill.as_ref().map(Drill::to_text));
        if self.foreign > 0 {
            lines.push(format!(
                "foreign   {} snapshots of other deployments: give each deployment its own prefix",
                self.foreign
            ));
        }
        lines.join("\n")
    }
}

pub(super) fn run(client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let found: Value = client.get("backup/status")?;
    let status = Status::deserialize(&found)
        .map_err(|error| Failure::Unexpected(format!("malformed status: {error}")))?;
    output.answer(&found, || status.to_text());
    let is_red = status.overdue || status.drill.as_ref().is_some_and(Drill::is_red);
    Ok(if is_red { Outcome::Overdue } else { Outcome::Done })
}
