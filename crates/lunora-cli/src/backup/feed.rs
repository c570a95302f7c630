//! The changes since a snapshot, read before anything is deleted and applied afterwards.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::Manifest;
use crate::{client::Client, failure::Failure, moment::Moment, output::Output};

/// The changes of every shard up to a moment, in a file that goes with the program.
pub(super) struct Feed {
    file: std::fs::File,
    changes: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    shard_key: String,
    change: Box<RawValue>,
}

impl Feed {
    /// The maximum number of changes of one shard per request.
    const PAGE: usize = 1000;
    /// A sequence number that no feed reaches.
    const BEHIND_ALL: u64 = 1 << 53;
    /// The maximum size of a batch in bytes; a batch has at least one change.
    const BATCH_BYTES: usize = 768 * 1024;

    /// Reads every shard's feed, from the position of the snapshot up to `to`. If an earlier attempt
    /// broke off, `begun` has each shard's last change before it: later changes are the attempt's own
    /// work.
    pub(super) fn read(
        snapshot: &Manifest,
        to: Moment,
        begun: Option<&BTreeMap<String, u64>>,
        client: &Client,
    ) -> Result<Self, Failure> {
        let mut cursors = BTreeMap::new();
        // The change that the snapshot saw last is read again, to know the feed by it.
        let mut known = BTreeMap::new();
        for shard in &snapshot.shards {
            let seq = shard.seq.ok_or_else(|| {
                Failure::Unexpected(format!(
                    "snapshot {} has no position in the changes of shard `{}`: restore it without \
                     --to",
                    snapshot.id, shard.shard_key
                ))
            })?;
            cursors.insert(shard.shard_key.clone(), seq.saturating_sub(1));
            if seq > 0 {
                known.insert(shard.shard_key.clone(), seq);
            }
        }
        let mut file = BufWriter::new(tempfile::tempfile().map_err(scratch)?);
        let mut changes = 0;
        let mut ended = HashSet::new();
        loop {
            let mut went_on = false;
            let Page { shards, refused } = page(&cursors, client)?;
            for shard in shards {
                if ended.contains(&shard.shard_key) {
                    continue;
                }
                let before = cursors.insert(shard.shard_key.clone(), shard.cursor).unwrap_or(0);
                let count = shard.changes.len();
                let mut fresh = shard.changes.into_iter();
                if let Some(seq) = known.remove(&shard.shard_key) {
                    check_same_feed(&shard.shard_key, fresh.next().as_deref(), seq, snapshot)?;
                }
                for change in fresh {
                    let Change { seq, ts, table } = Change::of(&change)?;
                    let is_own_work = begun.is_some_and(|begun| {
                        begun.get(&shard.shard_key).is_none_or(|last| seq > *last)
                    });
                    if ts > to.as_ms() || is_own_work {
                        ended.insert(shard.shard_key.clone());
                        // From there on it has no changes, which leaves room for the others.
                        cursors.insert(shard.shard_key.clone(), Self::BEHIND_ALL);
                        break;
                    }
                    if table.is_some_and(|table| !snapshot.has(&table)) {
                        continue;
                    }
                    let line = Line { shard_key: shard.shard_key.clone(), change };
                    serde_json::to_writer(&mut file, &line)
                        .map_err(io::Error::from)
                        .and_then(|()| file.write_all(b"\n"))
                        .map_err(scratch)?;
                    changes += 1;
                }
                let moved = count > 0 && shard.cursor > before;
                went_on |= moved && (refused.is_some() || !ended.contains(&shard.shard_key));
            }
            match (went_on, refused) {
                (true, _) => {}
                (false, Some(failure)) => return Err(failure),
                (false, None) => break,
            }
        }
        let mut file = file.into_inner().map_err(|error| scratch(error.into_error()))?;
        file.rewind().map_err(scratch)?;
        Ok(Self { file, changes })
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Applies the changes, each to its shard, in their order.
    pub(super) fn apply(&self, client: &Client, output: &Output) -> Result<FeedReport, Failure> {
        let progress = output.rows(Some(self.changes)).with_message("(changes)");
        let mut report = FeedReport::default();
        let mut batch: Option<Batch> = None;
        let mut send = |batch: Option<Batch>| -> Result<(), Failure> {
            let Some(Batch { shard_key, changes, .. }) = batch else { return Ok(()) };
            let count = changes.len() as u64;
            let errors = apply(&shard_key, &changes, client)?;
            report.applied += count.saturating_sub(errors.len() as u64);
            report.errors.extend(errors);
            progress.inc(count);
            Ok(())
        };
        for line in BufReader::new(&self.file).lines() {
            let line: Line = serde_json::from_str(&line.map_err(scratch)?)
                .map_err(|error| scratch(error.into()))?;
            let bytes = line.change.get().len();
            match &mut batch {
                Some(batch)
                    if batch.shard_key == line.shard_key
                        && batch.changes.len() < Self::PAGE
                        && batch.bytes + bytes <= Self::BATCH_BYTES =>
                {
                    batch.changes.push(line.change);
                    batch.bytes += bytes + 1;
                }
                _ => {
                    let (shard_key, changes) = (line.shard_key, vec![line.change]);
                    let full = batch.replace(Batch { shard_key, changes, bytes });
                    send(full)?;
                }
            }
        }
        send(batch)?;
        progress.finish_and_clear();
        Ok(report)
    }
}

/// Changes that go to one shard in one request.
struct Batch {
    shard_key: String,
    changes: Vec<Box<RawValue>>,
    bytes: usize,
}

/// The result of applying the changes.
#[derive(Default)]
pub(super) struct FeedReport {
    pub(super) applied: u64,
    /// The changes that their tables cannot hold.
    pub(super) errors: Vec<Value>,
}

/// The answers of the shards.
struct Page {
    shards: Vec<ShardChanges>,
    /// The failure of a shard that waits for the next round, since the answer had no room.
    refused: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShardChanges {
    shard_key: String,
    cursor: u64,
    #[serde(default)]
    changes: Vec<Box<RawValue>>,
    #[serde(default)]
    error: Option<ShardError>,
}

#[derive(Deserialize)]
struct ShardError {
    code: String,
    message: String,
}

/// Reads the next changes of every shard for which there is room. Any other failure of a shard is an
/// error.
fn page(cursors: &BTreeMap<String, u64>, client: &Client) -> Result<Page, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        shards: Vec<ShardChanges>,
    }

    let wish = json!({ "cursors": cursors, "limit": Feed::PAGE });
    let mut refused = None;
    let Answer { shards } = client.post("sync", &wish)?;
    for shard in &shards {
        if let Some(ShardError { code, message }) = &shard.error {
            let message =
                format!("cannot read the changes of shard `{}`: {message}", shard.shard_key);
            let failure = Failure::Refused { code: code.clone(), message, hint: None };
            if code != "PAYLOAD_TOO_LARGE" {
                return Err(failure);
            }
            refused = Some(failure);
        }
    }
    if let Some(missing) =
        cursors.keys().find(|key| !shards.iter().any(|shard| shard.shard_key == **key))
    {
        return Err(Failure::Unexpected(format!(
            "the deployment no longer lists shard `{missing}` of the snapshot, so its changes are \
             lost: restore the snapshot without --to"
        )));
    }
    Ok(Page { shards, refused })
}

/// The fields that are read of a change.
struct Change {
    seq: u64,
    ts: i64,
    table: Option<String>,
}

impl Change {
    fn of(change: &RawValue) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Fields {
            seq: u64,
            ts: f64,
            #[serde(default)]
            table: Option<String>,
        }

        let Fields { seq, ts, table } = serde_json::from_str(change.get())
            .map_err(|error| Failure::Unexpected(format!("malformed change: {error}")))?;
        #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
        Ok(Self { seq, ts: ts as i64, table })
    }
}

/// Checks that the feed continues the snapshot: the feed of a rebuilt shard begins again, and its
/// changes are about other rows.
fn check_same_feed(
    shard_key: &str,
    first: Option<&RawValue>,
    seq: u64,
    snapshot: &Manifest,
) -> Result<(), Failure> {
    let first = first.map(Change::of).transpose()?;
    let is_same = first.is_some_and(|first| {
        first.seq == seq && snapshot.finished().is_none_or(|finished| first.ts <= finished.as_ms())
    });
    if is_same {
        return Ok(());
    }
    Err(Failure::Unexpected(format!(
        "the changes of shard `{shard_key}` do not continue snapshot {}: the shard was rebuilt, or its \
         log was cut; restore the snapshot without --to",
        snapshot.id
    )))
}

/// Returns the changes that the shard skipped.
fn apply(
    shard_key: &str,
    changes: &[Box<RawValue>],
    client: &Client,
) -> Result<Vec<Value>, Failure> {
    #[derive(Deserialize)]
    struct Applied {
        failed: u64,
        #[serde(default)]
        errors: Vec<Value>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Batch<'a> {
        shard_key: &'a str,
        changes: &'a [Box<RawValue>],
    }
    #[derive(Serialize)]
    struct Wish<'a> {
        batches: [Batch<'a>; 1],
    }

    let Applied { failed, errors } =
        client.post("apply", &Wish { batches: [Batch { shard_key, changes }] })?;
    if failed > 0 {
        return Err(Failure::Unexpected(format!(
            "shard `{shard_key}` rejected its changes: the rows of the snapshot are restored, some \
             later changes are not; restore to the same moment again"
        )));
    }
    Ok(errors)
}

fn scratch(source: io::Error) -> Failure {
    Failure::File { path: "a temporary file".to_owned(), source }
}
