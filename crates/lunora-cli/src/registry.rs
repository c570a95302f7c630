//! `lunora registry`.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Outcome, args::Registry, client::Client, failure::Failure, output::Output};

/// The maximum number of keys per request.
const KEYS_AT_ONCE: usize = 1000;

/// The result of a rebuild.
#[derive(Default, Deserialize, Serialize)]
struct Report {
    listed: Vec<String>,
    found: Vec<String>,
    empty: Vec<String>,
    failed: Vec<ShardFailure>,
    unseen: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardFailure {
    shard_key: String,
    code: String,
    message: String,
}

impl Report {
    /// Adds the report of a later request, which asked the listed shards again.
    fn add(&mut self, later: Self) {
        self.empty.retain(|key| !later.empty.contains(key));
        self.failed.retain(|failure| !later.names(&failure.shard_key));
        let known = |key: &String| !self.found.contains(key);
        let listed: Vec<String> = later.listed.into_iter().filter(known).collect();
        self.listed = listed;
        self.found.extend(later.found);
        self.empty.extend(later.empty);
        self.failed.extend(later.failed);
    }

    /// Returns whether the report names a shard.
    fn names(&self, key: &str) -> bool {
        let keys = [&self.listed, &self.found, &self.empty];
        keys.into_iter().flatten().any(|own| own == key)
            || self.failed.iter().any(|failure| failure.shard_key == key)
    }

    fn to_text(&self) -> String {
        let Self { listed, found, empty, failed, unseen } = self;
        let mut text = format!(
            "{} shards were listed, {} were missing and are registered, {} are empty, {} failed",
            listed.len(),
            found.len(),
            empty.len(),
            failed.len()
        );
        for key in found {
            text += &format!("\nregistered: {key:?}");
        }
        for ShardFailure { shard_key, code, message } in failed {
            text += &format!("\nfailed: {shard_key:?}: {code}: {message}");
        }
        text + "\n" + unseen
    }
}

pub(crate) fn run(command: Registry, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Registry::Rebuild { mut keys, keys_from } => {
            if let Some(file) = keys_from {
                keys.extend(read_keys(&file)?);
            }
            rebuild(&keys, client, output)
        }
    }
}

fn rebuild(keys: &[String], client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let progress = output.wait("asking the shards …");
    let (first, rest) = keys.split_at(keys.len().min(KEYS_AT_ONCE));
    let mut report: Report = client.post("registry/rebuild", &json!({ "keys": first }))?;
    for keys in rest.chunks(KEYS_AT_ONCE) {
        let body = json!({ "keys": keys, "snapshots": false });
        report.add(client.post("registry/rebuild", &body)?);
    }
    progress.finish_and_clear();
    output.answer(&report, || report.to_text());
    Ok(if report.failed.is_empty() { Outcome::Done } else { Outcome::Flawed })
}

/// Reads one key per line. Spaces are part of a key, and an empty line is the empty key.
fn read_keys(file: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|source| Failure::File { path: file.display().to_string(), source })?;
    let lines = text.strip_suffix('\n').unwrap_or(&text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(lines.split('\n').map(str::to_owned).collect())
}
