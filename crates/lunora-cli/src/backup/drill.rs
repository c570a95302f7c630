//! `lunora backup drill`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Outcome, client::Client, failure::Failure, output::Output};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    id: String,
    ok: bool,
    #[serde(default)]
    problems: Vec<Problem>,
    shards: u64,
    of_shards: u64,
    rows: u64,
    #[serde(default)]
    next: Option<String>,
}

/// The reason of a failed drill.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    #[serde(default)]
    shard_key: Option<String>,
    message: String,
}

impl Problem {
    pub(super) fn to_text(&self) -> String {
        match &self.shard_key {
            Some(key) => format!("shard {key}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Report {
    fn to_text(&self) -> String {
        let Self { id, shards, of_shards, rows, .. } = self;
        if !self.ok {
            let problems: Vec<_> = self.problems.iter().map(Problem::to_text).collect();
            return format!("{id}: CANNOT BE RESTORED\n{}", problems.join("\n"));
        }
        let mut text = format!("{id}: {rows} rows in {shards} of {of_shards} shards restored");
        if let Some(next) = &self.next {
            text += &format!("\nthe next drill begins with shard {next}");
        }
        text
    }
}

pub(super) fn run(id: Option<&str>, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let progress = output.wait("restoring the snapshot into a scratch shard …");
    let body = id.map_or_else(|| json!({}), |id| json!({ "id": id }));
    let found: Value = client.post("backup/drill", &body)?;
    progress.finish_and_clear();
    let report = Report::deserialize(&found)
        .map_err(|error| Failure::Unexpected(format!("malformed drill report: {error}")))?;
    output.answer(&found, || report.to_text());
    Ok(if report.ok { Outcome::Done } else { Outcome::Flawed })
}
