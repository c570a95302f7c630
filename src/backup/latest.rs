//! The latest line of each document that changed while its shard was read.

use std::collections::HashMap;

use futures::StreamExt;
use serde::Deserialize;

use super::{Backups, Manifest, failure::damaged, failure::unreadable, targets::Part};
use crate::{coordinator::ChangeLine, errors::LunoraError, message::Body, wire::lines::Lines};

/// The documents of one shard that changed: the number of the last line of each, by table and id.
#[derive(Default)]
pub(super) struct Latest(HashMap<(String, String), u64>);

/// The meaning of a line of a snapshot.
pub(super) enum Line {
    /// A row that no change replaces.
    Row,
    /// The last change of a document, as a row.
    Changed(Vec<u8>),
    /// A line that a later one replaces, or of a deleted document.
    Superseded,
}

impl Backups {
    /// Reads the changes of a part of a snapshot; only their keys stay in memory.
    pub(super) async fn latest(
        &self,
        manifest: &Manifest,
        part: &Part,
    ) -> Result<Latest, LunoraError> {
        let mut latest = Latest::default();
        if part.changes == 0 {
            return Ok(latest);
        }
        let found = self.config.store().get_from(&manifest.file, part.changes_at).await;
        let object = found.map_err(unreadable)?.filter(|object| manifest.describes(&object.info));
        let object = object.ok_or_else(|| damaged(&manifest.id, "its changes are missing"))?;
        let mut number = part.end - part.changes;
        let mut lines = Lines::default();
        let mut pieces = object.body.into_large_pieces(Body::BULK);
        let mut bad = false;
        while number < part.end
            && let Some(piece) = pieces.next().await
        {
            lines.push(&piece.map_err(unreadable)?, |_, line| {
                if number < part.end {
                    number += 1;
                    bad |= line.is_err() || line.is_ok_and(|line| !latest.note(number, line));
                }
            });
        }
        if bad || number < part.end {
            return Err(damaged(&manifest.id, "its changes are not where its manifest has them"));
        }
        Ok(latest)
    }
}

impl Latest {
    /// Notes a change; returns `false` if the line is not one.
    fn note(&mut self, number: u64, line: &[u8]) -> bool {
        let Ok(ChangeLine { change }) = serde_json::from_slice(line) else { return false };
        self.0.insert((change.table, change.id), number);
        true
    }

    pub(super) fn of(&self, number: u64, line: &[u8]) -> Line {
        #[derive(Deserialize)]
        struct Row {
            table: String,
            doc: Doc,
        }
        #[derive(Deserialize)]
        struct Doc {
            #[serde(rename = "_id")]
            id: String,
        }

        if self.0.is_empty() {
            return Line::Row;
        }
        if let Ok(Row { table, doc }) = serde_json::from_slice(line) {
            return match self.0.contains_key(&(table, doc.id)) {
                true => Line::Superseded,
                false => Line::Row,
            };
        }
        // A line that is neither a row nor a change is rejected where rows are read.
        let Ok(ChangeLine { change }) = serde_json::from_slice(line) else { return Line::Row };
        let table = serde_json::to_string(&change.table).unwrap_or_default();
        match change.doc {
            Some(doc) if self.0.get(&(change.table, change.id)) == Some(&number) => {
                Line::Changed(format!(r#"{{"table":{table},"doc":{doc}}}"#).into_bytes())
            }
            _ => Line::Superseded,
        }
    }
}
