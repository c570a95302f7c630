//! `lunora backup restore`: a snapshot, and with `--to` the changes since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Manifest, Snapshots, feed::Feed, interrupt::Interrupt, plan};
use crate::{
    Outcome, client::Client, failure::Failure, moment::Moment, output::Output,
    transfer::ImportReport,
};

/// The options of a restore.
pub(super) struct Wish {
    pub(super) id: Option<String>,
    pub(super) replace: bool,
    pub(super) to: Option<Moment>,
    pub(super) dry_run: bool,
    pub(super) yes: bool,
    pub(super) safety_snapshot: bool,
    pub(super) max_rows: u64,
}

#[derive(Serialize)]
struct Report<'a> {
    id: &'a str,
    #[serde(flatten)]
    import: &'a ImportReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<u64>,
    #[serde(rename = "safetySnapshot", skip_serializing_if = "Option::is_none")]
    safety_snapshot: Option<&'a str>,
}

/// Runs the restore. Everything that can be refused is refused before anything is deleted.
pub(super) fn run(wish: &Wish, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    if let Some(to) = wish.to
        && to > Moment::now()
    {
        return Err(Failure::Usage(format!("{to} is in the future: expected a past moment")));
    }
    let (all, snapshots) = Snapshots::read(client)?;
    let snapshot = choose(&all, &snapshots, wish)?;
    let feed = match wish.to {
        None => None,
        Some(to) => {
            let snapshot = &manifest(snapshot, client)?;
            let begun = begun(snapshot, client)?;
            let progress = output.wait("reading the changes since the snapshot …");
            let feed = Feed::read(snapshot, to, begun.as_ref(), client)?;
            progress.finish_and_clear();
            output.note(&format!("{} changes between the snapshot and {to}", feed.changes()));
            Some(feed)
        }
    };
    let replaces = wish.replace || feed.is_some();
    if wish.dry_run {
        let to = wish.to.zip(feed.as_ref().map(Feed::changes));
        return plan::run(&snapshot.id, replaces, to, client, output);
    }
    let interrupt = match replaces {
        true => Some(Interrupt::watch(&finishing(snapshot, wish, client))?),
        false => None,
    };
    if replaces {
        let question = format!(
            "Empty the tables of snapshot {} on every shard, and write its {} rows?",
            snapshot.id, snapshot.rows
        );
        output.confirm(&question, wish.yes)?;
    }
    let Rows { import, superseded, clients, lease, safety_snapshot } =
        rows(snapshot, interrupt.as_ref(), feed.is_some(), wish, client, output)?;
    let restored = import.received + superseded + clients;
    let is_whole = restored == snapshot.lines();
    // Changes build on rows; on rows that are missing they would build something else.
    let mut changes_flawed = false;
    let applied = match &feed {
        Some(feed) if !import.is_flawed() && is_whole => {
            if let Some(interrupt) = &interrupt {
                interrupt.note("all rows are restored, and some changes since the snapshot");
            }
            let report = feed.apply(client, output)?;
            for error in &report.errors {
                output.note(&format!("rejected change: {error}"));
            }
            changes_flawed = !report.errors.is_empty();
            let applied = report.applied;
            // The restore was held open: no backup ran between the rows and the changes.
            if let Some(lease) = lease {
                let _: Value = client.post("backup/finish", &json!({ "lease": lease }))?;
            }
            Some(applied)
        }
        _ => None,
    };
    if let Some(interrupt) = &interrupt {
        interrupt.end();
    }
    let safety_snapshot = safety_snapshot.as_deref();
    let report = Report { id: &snapshot.id, import: &import, changes: applied, safety_snapshot };
    output.answer(&report, || {
        let changes = match (&feed, applied) {
            (_, Some(applied)) => format!("\n{applied} changes applied"),
            (Some(_), None) => "\nno changes were applied, since rows are missing".to_owned(),
            (None, None) => String::new(),
        };
        let safety = safety_snapshot.map_or_else(String::new, |id| {
            format!("\nthe state before the restore is snapshot {id}")
        });
        import.to_text() + &changes + &safety
    });
    if import.is_flawed() {
        output.note(
            "the restore is not finished, and no backup runs until it is: restore again, or run \
             `lunora backup abandon`",
        );
    }
    if !is_whole {
        output.note(&format!(
            "error: restored {restored} of {} lines of the snapshot",
            snapshot.lines()
        ));
        return Ok(Outcome::Flawed);
    }
    if changes_flawed { Ok(Outcome::Flawed) } else { Ok(import.outcome()) }
}

/// Returns the command that finishes an interrupted restore.
fn finishing(snapshot: &Manifest, wish: &Wish, client: &Client) -> String {
    let how = match wish.to {
        Some(to) => format!("--to {to}"),
        None => "--replace".to_owned(),
    };
    let url = client.url().replace('\'', r"'\''");
    format!("lunora --url '{url}' backup restore {} {how}", snapshot.id)
}

/// Reads the whole manifest: a listing leaves the shards out.
fn manifest(listed: &Manifest, client: &Client) -> Result<Manifest, Failure> {
    if !listed.shards.is_empty() {
        return Ok(listed.clone());
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("id", &listed.id).finish();
    client.get(&format!("backup/manifest?{query}"))
}

/// Reads each shard's last change before an interrupted restore of the snapshot.
fn begun(snapshot: &Manifest, client: &Client) -> Result<Option<BTreeMap<String, u64>>, Failure> {
    #[derive(Deserialize)]
    struct Lease {
        snapshot: String,
        state: String,
        begun: bool,
        #[serde(default)]
        seqs: BTreeMap<String, u64>,
    }

    let lease: Option<Lease> = client.get("backup/lease")?;
    let open = lease
        .filter(|lease| lease.state == "running" && lease.begun && lease.snapshot == snapshot.id);
    Ok(open.map(|lease| lease.seqs).filter(|seqs| !seqs.is_empty()))
}

/// Chooses the snapshot to restore; one of another deployment only by its id.
fn choose<'a>(
    all: &Snapshots,
    snapshots: &'a [Manifest],
    wish: &Wish,
) -> Result<&'a Manifest, Failure> {
    if let Some(id) = &wish.id {
        let named = snapshots.iter().find(|snapshot| snapshot.id == *id);
        let named = named.ok_or_else(|| {
            Failure::Unexpected(format!(
                "unknown snapshot `{id}`: `lunora backup list` lists the snapshots"
            ))
        })?;
        return match wish.to {
            Some(_) if all.is_foreign(named) => Err(Failure::Usage(format!(
                "snapshot {id} is of another deployment, whose later changes are not available: \
                 restore it without --to"
            ))),
            Some(to) if !is_before(named, to) => Err(Failure::Usage(format!(
                "snapshot {id} was not finished by {to} and may hold later rows: omit the id to \
                 restore the newest older snapshot"
            ))),
            _ => Ok(named),
        };
    }
    let to = wish
        .to
        .ok_or_else(|| Failure::Usage("missing snapshot id: expected an id or --to".to_owned()))?;
    snapshots
        .iter()
        .filter(|snapshot| is_before(snapshot, to) && !all.is_foreign(snapshot))
        .max_by_key(|snapshot| snapshot.finished())
        .ok_or_else(|| Failure::Unexpected(format!("no snapshot was finished before {to}")))
}

/// Returns whether a snapshot was finished by then; `false` if its manifest does not say.
fn is_before(snapshot: &Manifest, to: Moment) -> bool {
    snapshot.finished().is_some_and(|finished| finished <= to)
}

/// Abandons an interrupted restore.
pub(super) fn abandon(yes: bool, client: &Client, output: &Output) -> Result<Outcome, Failure> {
    output.confirm("Abandon the restore, and keep the rows in the shards as they are?", yes)?;
    let lease: Value = client.post("backup/abandon", &json!({}))?;
    output.answer(&lease, || match lease.get("snapshot").and_then(Value::as_str) {
        Some(id) => format!("no restore is open; the last one was of snapshot {id}"),
        None => "no restore is open".to_owned(),
    });
    Ok(Outcome::Done)
}

/// The result of the calls of a restore.
struct Rows {
    import: ImportReport,
    /// Lines that a later change replaces.
    superseded: u64,
    /// Watermarks of clients and stored answers.
    clients: u64,
    /// The lease; a deployment of an older version has none.
    lease: Option<u64>,
    safety_snapshot: Option<String>,
}

/// Restores the rows, some at a time.
fn rows(
    snapshot: &Manifest,
    interrupt: Option<&Interrupt>,
    hold: bool,
    wish: &Wish,
    client: &Client,
    output: &Output,
) -> Result<Rows, Failure> {
    #[derive(Deserialize)]
    struct Restored {
        #[serde(flatten)]
        import: ImportReport,
        #[serde(default)]
        superseded: u64,
        #[serde(default)]
        clients: u64,
        #[serde(default)]
        next: Option<Value>,
        #[serde(default)]
        lease: Option<u64>,
        #[serde(default, rename = "safetySnapshot")]
        safety_snapshot: Option<String>,
    }

    let progress = output.rows(Some(snapshot.rows));
    let mut all = Rows {
        import: ImportReport::default(),
        superseded: 0,
        clients: 0,
        lease: None,
        safety_snapshot: None,
    };
    let mut from = None;
    loop {
        let request = json!({
            "id": snapshot.id,
            "from": from,
            "hold": hold,
            "maxRows": wish.max_rows,
            "safetySnapshot": wish.safety_snapshot,
            // Once: the calls after the first would delete what it wrote.
            "replace": interrupt.is_some() && from.is_none(),
        });
        if let Some(interrupt) = interrupt {
            interrupt.note(&format!(
                "the tables may be emptied, and {} of {} rows are restored",
                all.import.received, snapshot.rows
            ));
        }
        let answer = client.post("backup/restore", &request);
        let Restored { import, superseded, clients, next, lease, safety_snapshot } = answer
            .inspect_err(|_| {
                output.note(&match interrupt {
                    Some(interrupt) => interrupt.to_text(),
                    None => format!(
                        "{} of {} rows are restored; restore again: existing rows are kept",
                        all.import.received, snapshot.rows
                    ),
                });
            })?;
        progress.set_position(all.import.received + import.received);
        all.import.add(import);
        all.superseded += superseded;
        all.clients += clients;
        (all.lease, all.safety_snapshot) = (lease, safety_snapshot.or(all.safety_snapshot));
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    progress.finish_and_clear();
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn snapshot(id: &str, finished: Option<&str>) -> Manifest {
        let manifest = json!({
            "id": id, "createdAt": "2026-05-01T00:00:00.000Z", "finishedAt": finished, "rows": 1, "bytes": 1,
        });
        serde_json::from_value(manifest).unwrap()
    }

    fn wish(id: Option<&str>, to: Option<&str>) -> Wish {
        let to = to.map(|to| to.parse().unwrap());
        Wish {
            id: id.map(str::to_owned),
            replace: false,
            to,
            dry_run: false,
            yes: true,
            safety_snapshot: true,
            max_rows: 1,
        }
    }

    #[test]
    fn the_newest_snapshot_that_was_finished_by_then_is_taken() {
        let all = [
            snapshot("c", Some("2026-05-03T00:00:00.000Z")),
            snapshot("b", Some("2026-05-02T00:00:00.000Z")),
            snapshot("silent", None),
            snapshot("a", Some("2026-05-01T00:00:00.000Z")),
        ];
        let listed = Snapshots { deployment: None, snapshots: Vec::new() };
        let chosen = |wish| choose(&listed, &all, &wish).map(|chosen| chosen.id.clone()).ok();
        assert_eq!(chosen(wish(None, Some("2026-05-02T12:00:00Z"))).as_deref(), Some("b"));
        assert_eq!(chosen(wish(None, Some("2026-05-02T00:00:00Z"))).as_deref(), Some("b"));
        assert_eq!(chosen(wish(None, Some("2026-04-02T00:00:00Z"))), None);
        assert_eq!(chosen(wish(Some("a"), Some("2026-05-02T12:00:00Z"))).as_deref(), Some("a"));
        assert_eq!(chosen(wish(Some("silent"), None)).as_deref(), Some("silent"));
        for id in ["c", "silent"] {
            assert_eq!(chosen(wish(Some(id), Some("2026-05-02T12:00:00Z"))), None, "{id}");
        }
    }
}
