//! `lunora migrate`.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Outcome,
    client::Client,
    failure::Failure,
    output::{Output, table},
};

/// Run a migration on every shard of a table.
///
/// A migration that a shard did not finish is run again until it is. Running it twice does nothing more.
/// The exit code is 3 if a shard failed; the same command continues the run.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The table whose shards are asked, such as messages.
    table: String,
    /// The migration, as `shard!` names it, such as messages-2.
    id: String,
    /// Undo it.
    #[arg(long)]
    down: bool,
    /// Count what would change, and write nothing: at most 100,000 documents per shard.
    #[arg(long)]
    dry_run: bool,
    /// Show the progress, and run nothing.
    #[arg(long, conflicts_with_all = ["down", "dry_run"])]
    status: bool,
}

/// The number of batches of 100 documents that a shard does per request: it answers no one else meanwhile.
const BATCHES: u32 = 100;

/// The response of a deployment.
#[derive(Deserialize)]
struct Answer {
    shards: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    shard_key: String,
    #[serde(default)]
    result: Option<Run>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

/// The progress of one shard.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    #[serde(default)]
    processed: u64,
    #[serde(default)]
    changed: u64,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    error: Option<String>,
    /// Absent in the status of a migration that never ran.
    #[serde(default)]
    started_at: Option<Value>,
    status: State,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Completed,
    Failed,
    InProgress,
    NotStarted,
}

impl State {
    fn to_text(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::InProgress => "in progress",
            Self::NotStarted => "not started",
        }
    }
}

/// The result of the command.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    table: String,
    id: String,
    dry_run: bool,
    status: State,
    done: usize,
    processed: u64,
    changed: u64,
    failed: usize,
    shards: Vec<Shard>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    shard_key: String,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<String>,
    processed: u64,
    changed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Shard {
    fn of(asked: Asked, reads_status: bool) -> Self {
        let Asked { shard_key, result, error } = asked;
        let Some(run) = result else {
            let reason = error.map(|Refusal { code, message }| format!("{code}: {message}"));
            let error = Some(reason.unwrap_or_else(|| "the shard gave no answer".to_owned()));
            let (direction, status) = (None, State::Failed);
            return Self { shard_key, status, direction, processed: 0, changed: 0, error };
        };
        let Run { processed, changed, direction, error, started_at, status } = run;
        let is_new = reads_status && status == State::InProgress && started_at.is_none();
        let status = if is_new { State::NotStarted } else { status };
        Self { shard_key, status, direction, processed, changed, error }
    }
}

impl Report {
    fn of(args: &MigrateArgs, answer: Answer) -> Self {
        let shards: Vec<_> =
            answer.shards.into_iter().map(|asked| Shard::of(asked, args.status)).collect();
        let count = |state| shards.iter().filter(|shard| shard.status == state).count();
        let (done, failed, new) =
            (count(State::Completed), count(State::Failed), count(State::NotStarted));
        let status = if failed > 0 {
            State::Failed
        } else if done == shards.len() {
            State::Completed
        } else if new == shards.len() {
            State::NotStarted
        } else {
            State::InProgress
        };
        Self {
            table: args.table.clone(),
            id: args.id.clone(),
            dry_run: args.dry_run,
            status,
            done,
            processed: shards.iter().map(|shard| shard.processed).sum(),
            changed: shards.iter().map(|shard| shard.changed).sum(),
            failed,
            shards,
        }
    }

    fn is_in_progress(&self) -> bool {
        self.shards.iter().any(|shard| shard.status == State::InProgress)
    }

    fn to_text(&self) -> String {
        let Self { id, table: name, dry_run, processed, changed, shards, .. } = self;
        let change = if *dry_run { "would change" } else { "changed" };
        let mut text = format!(
            "{id} on {name}: {} of {} shards completed, {} failed, {processed} documents processed, {changed} {change}\n",
            self.done,
            shards.len(),
            self.failed,
        );
        let rows = shards.iter().map(|shard| {
            let Shard { shard_key, status, direction, processed, changed, error } = shard;
            let way = direction.as_deref().filter(|way| *way != "up");
            let status = [Some(status.to_text()), way].into_iter().flatten();
            let line = |text: &str| text.replace('\n', "\\n");
            [
                line(shard_key),
                status.collect::<Vec<_>>().join(", "),
                processed.to_string(),
                changed.to_string(),
                error.as_deref().map(line).unwrap_or_default(),
            ]
        });
        let rows: Vec<_> = rows.collect();
        text += &table(["SHARD", "STATUS", "PROCESSED", "CHANGED", "ERROR"], &rows);
        text
    }
}

/// Asks every shard once.
fn ask(args: &MigrateArgs, client: &Client) -> Result<Report, Failure> {
    let MigrateArgs { table, id, down, dry_run, status } = args;
    let (operation, args_of_shard) = if *status {
        ("migrationStatus", json!({ "id": id }))
    } else {
        let direction = if *down { "down" } else { "up" };
        let mut run = json!({ "id": id, "direction": direction, "dryRun": dry_run });
        if !dry_run {
            run["maxBatches"] = BATCHES.into();
        }
        ("runMigration", run)
    };
    let path = format!("__lunora_admin__:{operation}");
    let body = json!({ "table": table, "functionPath": path, "args": args_of_shard });
    Ok(Report::of(args, client.migrate(&body)?))
}

pub(crate) fn run(
    args: &MigrateArgs,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    let progress = output.wait("running the migration …");
    let mut report = ask(args, client)?;
    // A dry run keeps no progress: it would begin again.
    while report.is_in_progress() && !args.status && !args.dry_run {
        progress.set_message(format!("{} documents processed …", report.processed));
        let next = ask(args, client)?;
        let advances = next.processed > report.processed || next.done > report.done;
        report = next;
        if !advances {
            break;
        }
    }
    progress.finish_and_clear();
    output.answer(&report, || report.to_text());
    if report.failed > 0 {
        output.note("hint: the same command continues the migration");
        return Ok(Outcome::Flawed);
    }
    if report.is_in_progress() && args.dry_run {
        output.note("note: shards in progress have more documents, which were not counted");
    } else if report.is_in_progress() && !args.status {
        output.note("error: the shards in progress do not advance");
        return Ok(Outcome::Flawed);
    }
    Ok(Outcome::Done)
}
