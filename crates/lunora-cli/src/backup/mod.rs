//! `lunora backup`.

mod drill;
mod feed;
mod interrupt;
mod plan;
mod restore;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Outcome,
    args::Backup,
    client::Client,
    failure::Failure,
    moment::Moment,
    output::{Output, table},
};

/// The manifest of a snapshot, as far as it is read here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) id: String,
    created_at: String,
    #[serde(default)]
    finished_at: Option<String>,
    #[serde(default)]
    cron: Option<String>,
    #[serde(default)]
    deployment: Option<String>,
    pub(crate) rows: u64,
    /// The number of lines that are changes, in addition to the rows.
    #[serde(default)]
    pub(crate) changes: u64,
    /// The numbers of lines that are watermarks of clients, and stored answers of mutations.
    #[serde(default)]
    watermarks: u64,
    #[serde(default)]
    replies: u64,
    #[serde(default)]
    left_out: LeftOut,
    bytes: u64,
    #[serde(default)]
    pub(crate) shards: Vec<Shard>,
    /// The tables, separated by commas, of a snapshot that is not of every table.
    #[serde(default)]
    tables: Option<String>,
}

/// The tables of a deployment that no snapshot has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LeftOut {
    shard_tables: Vec<String>,
    global_tables: Vec<String>,
}

impl LeftOut {
    /// Returns the names, separated by commas; empty if every table is part of the snapshot.
    fn to_text(&self) -> String {
        let shard = self.shard_tables.iter().cloned();
        let global = self.global_tables.iter().map(|table| format!("{table} (global)"));
        shard.chain(global).collect::<Vec<_>>().join(", ")
    }

    /// Warns of the tables that a snapshot does not have.
    fn warn(&self, output: &Output) {
        let names = self.to_text();
        if !names.is_empty() {
            output.note(&format!("warning: the snapshot leaves out tables: {names}"));
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shard {
    pub(crate) shard_key: String,
    #[serde(default)]
    pub(crate) seq: Option<u64>,
}

impl Manifest {
    /// Returns the number of lines of the snapshot.
    pub(crate) fn lines(&self) -> u64 {
        self.rows + self.changes + self.watermarks + self.replies
    }

    /// Returns whether the snapshot contains this table.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.split(',').any(|name| name == table))
    }

    /// Returns the time at which its last row was read, if the manifest has it.
    pub(crate) fn finished(&self) -> Option<Moment> {
        self.finished_at.as_deref()?.parse().ok()
    }
}

/// The snapshots of a listing, as received.
#[derive(Deserialize)]
struct Snapshots {
    /// The deployment that answered; its snapshots are its own.
    #[serde(default)]
    deployment: Option<String>,
    snapshots: Vec<Value>,
}

impl Snapshots {
    /// Returns whether another deployment took a snapshot.
    fn is_foreign(&self, manifest: &Manifest) -> bool {
        let (own, of) = (self.deployment.as_ref(), manifest.deployment.as_ref());
        own.zip(of).is_some_and(|(own, of)| own != of)
    }

    fn read(client: &Client) -> Result<(Self, Vec<Manifest>), Failure> {
        let all: Self = client.get("backup/list")?;
        let manifests =
            all.snapshots
                .iter()
                .map(Manifest::deserialize)
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::Unexpected(format!("malformed manifest: {error}")))?;
        Ok((all, manifests))
    }
}

pub(crate) fn run(command: Backup, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Backup::Create => create(client, output),
        Backup::List => list(client, output),
        Backup::Status => status::run(client, output),
        Backup::Verify { id } => verify(&id, client, output),
        Backup::Drill { id } => drill::run(id.as_deref(), client, output),
        Backup::Restore { id, replace, to, dry_run, yes, no_safety_snapshot, max_rows } => {
            let safety_snapshot = !no_safety_snapshot;
            let wish = restore::Wish { id, replace, to, dry_run, yes, safety_snapshot, max_rows };
            restore::run(&wish, client, output)
        }
        Backup::Abandon { yes } => restore::abandon(yes, client, output),
        Backup::Retention => {
            let report: Retention = client.get("backup/retention")?;
            output.answer(&report, || report.to_text());
            Ok(Outcome::Done)
        }
        Backup::Prune { yes } => prune(yes, client, output),
    }
}

fn create(client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let progress = output.wait("taking a snapshot …");
    let mut made: Value = client.post("backup/create", &json!({}))?;
    // A deployment that is too large for one call.
    while let Some(time) = made.pointer("/unfinished/time").cloned() {
        let message = made.pointer("/unfinished/message").and_then(Value::as_str);
        progress.set_message(message.unwrap_or("taking a snapshot …").to_owned());
        made = client.post("backup/create", &json!({ "time": time }))?;
    }
    progress.finish_and_clear();
    let read = Manifest::deserialize(&made);
    if let Ok(made) = &read {
        made.left_out.warn(output);
    }
    let text = read.map(|made| format!("{}: {} rows, {} bytes", made.id, made.rows, made.bytes));
    output.answer(&made, || text.unwrap_or_else(|_| made.to_string()));
    Ok(Outcome::Done)
}

fn list(client: &Client, output: &Output) -> Result<Outcome, Failure> {
    let (all, manifests) = Snapshots::read(client)?;
    output.answer(&all.snapshots, || {
        let rows: Vec<_> = manifests
            .into_iter()
            .map(|manifest| {
                let is_foreign = all.is_foreign(&manifest);
                let by = manifest.cron.unwrap_or_else(|| "manual".to_owned());
                let by = if is_foreign { by + " (another deployment)" } else { by };
                let (rows, bytes) = (manifest.rows.to_string(), manifest.bytes.to_string());
                let left_out = manifest.left_out.to_text();
                [manifest.id, manifest.created_at, rows, bytes, by, left_out]
            })
            .collect();
        table(["ID", "TAKEN", "ROWS", "BYTES", "TRIGGER", "LEFT OUT"], &rows)
    });
    Ok(Outcome::Done)
}

fn verify(id: &str, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    #[derive(Deserialize, Serialize)]
    struct Verification {
        id: String,
        ok: bool,
        #[serde(default)]
        problems: Vec<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    let progress = output.wait("reading the snapshot …");
    let found: Verification = client.post("backup/verify", &json!({ "id": id }))?;
    progress.finish_and_clear();
    output.answer(&found, || match found.ok {
        true => format!("{}: intact", found.id),
        false => format!("{}: DAMAGED\n{}", found.id, found.problems.join("\n")),
    });
    Ok(if found.ok { Outcome::Done } else { Outcome::Flawed })
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    cron: String,
    eligible: u64,
    keep: u64,
    prefix: String,
    would_delete: Vec<String>,
}

impl Retention {
    fn to_text(&self) -> String {
        let mut text = format!("{} snapshots of `{}`", self.eligible, self.cron);
        text += &match self.keep {
            0 => ", all of them kept".to_owned(),
            keep => format!(", the newest {keep} kept"),
        };
        for key in &self.would_delete {
            text += &format!("\nwould delete: {key}");
        }
        text
    }
}

fn prune(yes: bool, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    #[derive(Deserialize, Serialize)]
    struct Pruned {
        deleted: Vec<String>,
        failed: Vec<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    let report: Retention = client.get("backup/retention")?;
    output.note(&report.to_text());
    if !report.would_delete.is_empty() {
        let question = format!("Delete {} snapshots permanently?", report.would_delete.len());
        output.confirm(&question, yes)?;
    }
    let pruned: Pruned = client.post("backup/prune", &json!({ "confirm": report.would_delete }))?;
    output.answer(&pruned, || {
        let mut text = format!("{} snapshots deleted", pruned.deleted.len());
        for key in &pruned.failed {
            text += &format!("\nnot deleted: {key}");
        }
        text
    });
    Ok(if pruned.failed.is_empty() { Outcome::Done } else { Outcome::Flawed })
}
