//! `lunora backup restore --dry-run`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::LeftOut;
use crate::{
    Outcome,
    client::Client,
    failure::Failure,
    moment::Moment,
    output::{Output, table},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    id: String,
    #[serde(default)]
    foreign: bool,
    problems: Vec<String>,
    #[serde(default)]
    finished_at: Option<String>,
    rows: u64,
    rows_by_table: BTreeMap<String, u64>,
    watermarks: u64,
    replies: u64,
    #[serde(default)]
    left_out: LeftOut,
    unknown_tables: Vec<String>,
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    shard_key: String,
    #[serde(default)]
    rows: Option<u64>,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    seq_now: Option<u64>,
}

impl Shard {
    /// Returns what the shard has that the snapshot does not.
    fn newer(&self, replaces: bool) -> String {
        match (self.rows, self.seq, self.seq_now) {
            (None, ..) if replaces => "not in the snapshot: every row is deleted".to_owned(),
            (None, ..) => "not in the snapshot".to_owned(),
            (_, Some(seq), Some(now)) if now < seq => "rebuilt since the snapshot".to_owned(),
            (_, Some(seq), Some(now)) => format!("{} newer changes", now - seq),
            (_, _, None) => "not listed, or its changes are unknown".to_owned(),
            (_, None, Some(_)) => "newer changes are unknown".to_owned(),
        }
    }
}

impl Plan {
    fn to_text(&self, replaces: bool, to: Option<(Moment, u64)>) -> String {
        let unknown = || "unknown".to_owned();
        let mut lines = vec![
            format!("snapshot   {}", self.id),
            format!("holds      writes until {}", self.finished_at.clone().unwrap_or_else(unknown)),
            format!(
                "restores   {} rows, {} watermarks of clients, {} stored answers",
                self.rows, self.watermarks, self.replies
            ),
            match replaces {
                true => "deletes    every row of its tables on every shard, first".to_owned(),
                false => "deletes    nothing; existing rows are kept".to_owned(),
            },
        ];
        if self.foreign {
            lines.push("from       another deployment".to_owned());
        }
        if let Some((to, changes)) = to {
            lines.push(format!("applies    {changes} changes until {to}; later changes are lost"));
        } else if replaces {
            lines.push("loses      the newer changes below".to_owned());
        }
        let left_out = self.left_out.to_text();
        if !left_out.is_empty() {
            lines.push(format!("leaves     {left_out} as they are"));
        }
        let names = |table: &str| match self.unknown_tables.iter().any(|name| name == table) {
            true => format!("{table} (not declared: its rows are refused)"),
            false => table.to_owned(),
        };
        let tables: Vec<_> = self
            .rows_by_table
            .iter()
            .map(|(table, rows)| [names(table), rows.to_string()])
            .collect();
        let shards: Vec<_> = self
            .shards
            .iter()
            .map(|shard| {
                let rows = shard.rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
                [shard.shard_key.clone(), rows, shard.newer(replaces)]
            })
            .collect();
        let mut text = lines.join("\n") + "\n\n" + &table(["TABLE", "ROWS"], &tables);
        text += &format!("\n{}", table(["SHARD", "ROWS", "NOW"], &shards));
        for problem in &self.problems {
            text += &format!("\nwould be refused: {problem}");
        }
        text
    }
}

/// Reports what a restore would do. With `to`, that number of changes would be applied up to that
/// moment.
pub(super) fn run(
    id: &str,
    replaces: bool,
    to: Option<(Moment, u64)>,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("id", id).finish();
    let progress = output.wait("reading the snapshot …");
    let found: Value = client.get(&format!("backup/plan?{query}"))?;
    progress.finish_and_clear();
    let plan = Plan::deserialize(&found)
        .map_err(|error| Failure::Unexpected(format!("malformed restore plan: {error}")))?;
    output.answer(&found, || plan.to_text(replaces, to));
    Ok(if plan.problems.is_empty() { Outcome::Done } else { Outcome::Flawed })
}
