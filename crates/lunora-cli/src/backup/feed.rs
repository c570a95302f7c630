//! The changes since a snapshot, read before anything is deleted and applied afterwards.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
};

use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

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
    /// The most changes of one shard that are asked for, or sent, at once.
    const PAGE: usize = 1000;

    /// Reads every shard's feed, from where the snapshot left it up to `to`.
    pub(super) fn read(snapshot: &Manifest, to: Moment, client: &Client) -> Result<Self, Failure> {
        let mut cursors = BTreeMap::new();
        // The change that the snapshot saw last is read again, to know the feed by it.
        let mut known = BTreeMap::new();
        for shard in &snapshot.shards {
            let seq = shard.seq.ok_or_else(|| {
                Failure::Unexpected(format!(
                    "snapshot {} does not say where the changes of shard `{}` go on: it can be \
                     restored, but not brought to a later moment",
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
            for shard in page(&cursors, client)? {
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
                    if Change::of(&change)?.ts > to.as_ms() {
                        ended.insert(shard.shard_key.clone());
                        break;
                    }
                    let line = Line { shard_key: shard.shard_key.clone(), change };
                    serde_json::to_writer(&mut file, &line)
                        .map_err(io::Error::from)
                        .and_then(|()| file.write_all(b"\n"))
                        .map_err(scratch)?;
                    changes += 1;
                }
                went_on |= count > 0 && shard.cursor > before && !ended.contains(&shard.shard_key);
            }
            if !went_on {
                break;
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
    pub(super) fn apply(&self, client: &Client, output: &Output) -> Result<u64, Failure> {
        let progress = output.rows(Some(self.changes)).with_message("(changes)");
        let mut applied = 0;
        let mut batch: Option<(String, Vec<Box<RawValue>>)> = None;
        let mut send = |batch: Option<(String, Vec<Box<RawValue>>)>| -> Result<(), Failure> {
            let Some((shard_key, changes)) = batch else { return Ok(()) };
            let count = changes.len() as u64;
            apply(&shard_key, &changes, client)?;
            applied += count;
            progress.inc(count);
            Ok(())
        };
        for line in BufReader::new(&self.file).lines() {
            let line: Line = serde_json::from_str(&line.map_err(scratch)?)
                .map_err(|error| scratch(error.into()))?;
            match &mut batch {
                Some((shard_key, changes))
                    if *shard_key == line.shard_key && changes.len() < Self::PAGE =>
                {
                    changes.push(line.change);
                }
                _ => {
                    let full = batch.replace((line.shard_key, vec![line.change]));
                    send(full)?;
                }
            }
        }
        send(batch)?;
        progress.finish_and_clear();
        Ok(applied)
    }
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

/// The next changes of every shard; of all of them, or it is an error.
fn page(cursors: &BTreeMap<String, u64>, client: &Client) -> Result<Vec<ShardChanges>, Failure> {
    #[derive(Deserialize)]
    struct Page {
        shards: Vec<ShardChanges>,
    }

    let wish = json!({ "cursors": cursors, "limit": Feed::PAGE });
    let Page { shards } = client.post("sync", &wish)?;
    for shard in &shards {
        if let Some(ShardError { code, message }) = &shard.error {
            let message =
                format!("the changes of shard `{}` cannot be read: {message}", shard.shard_key);
            return Err(Failure::Refused { code: code.clone(), message, hint: None });
        }
    }
    if let Some(missing) =
        cursors.keys().find(|key| !shards.iter().any(|shard| shard.shard_key == **key))
    {
        return Err(Failure::Unexpected(format!(
            "the deployment does not list shard `{missing}` of the snapshot any more: its changes \
             are lost, and the snapshot can be restored as it is, without --to"
        )));
    }
    Ok(shards)
}

/// What is read of a change.
struct Change {
    seq: u64,
    ts: i64,
}

impl Change {
    fn of(change: &RawValue) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Fields {
            seq: u64,
            ts: f64,
        }

        let Fields { seq, ts } = serde_json::from_str(change.get())
            .map_err(|error| Failure::Unexpected(format!("a change is malformed: {error}")))?;
        #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
        Ok(Self { seq, ts: ts as i64 })
    }
}

/// Whether the feed is the one that the snapshot was taken beside: that of a shard that was built
/// anew begins again, and its changes are about other rows.
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
        "the changes of shard `{shard_key}` are not those that snapshot {} was taken beside: the shard \
         was built anew, or its log was cut. The snapshot can be restored as it is, without --to",
        snapshot.id
    )))
}

fn apply(shard_key: &str, changes: &[Box<RawValue>], client: &Client) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Applied {
        failed: u64,
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

    let Applied { failed } =
        client.post("apply", &Wish { batches: [Batch { shard_key, changes }] })?;
    if failed > 0 {
        return Err(Failure::Unexpected(format!(
            "shard `{shard_key}` did not take its changes: the rows of the snapshot are restored, \
             and some changes since are not. Restore to the same moment again"
        )));
    }
    Ok(())
}

fn scratch(source: io::Error) -> Failure {
    Failure::File { path: "a temporary file".to_owned(), source }
}
