//! `lunora backup status`.

use serde::Deserialize;
use serde_json::Value;

use super::Manifest;
use crate::{Outcome, client::Client, failure::Failure, output::Output};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    cron: String,
    #[serde(default)]
    last: Option<Manifest>,
    #[serde(default)]
    verified_at: Option<String>,
    due: Option<String>,
    next: Option<String>,
    #[serde(default)]
    since: Option<String>,
    overdue: bool,
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
                let left_out = last.left_out.to_text();
                if !left_out.is_empty() {
                    lines.push(format!("left out  {left_out}"));
                }
            }
            None => lines.push("last      none".to_owned()),
        }
        if let Some(since) = &self.since {
            lines.push(format!("since     {since}"));
        }
        lines.push(format!("next      {}", self.next.clone().unwrap_or_else(unknown)));
        lines.push(match self.overdue {
            true => format!("overdue   yes, since {}", self.due.clone().unwrap_or_else(unknown)),
            false => "overdue   no".to_owned(),
        });
        lines.join("\n")
    }
}

pub(super) fn run(client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let found: Value = client.get("backup/status")?;
    let status = Status::deserialize(&found)
        .map_err(|error| Failure::Unexpected(format!("the status is malformed: {error}")))?;
    output.answer(&found, || status.to_text());
    Ok(if status.overdue { Outcome::Overdue } else { Outcome::Done })
}
