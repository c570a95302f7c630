//! `exportClients` and `importClients`: the client records that a shard keeps beside the documents,
//! which are the watermarks of numbered writes and the stored answers of mutations.
//!
//! They are read in rounds. The first has all of them, page by page; each later one has the records
//! written since the previous one began, by the number of the round. A round of one page reads
//! everything at one moment, which the answer names by the position of the change log.

use base64::Engine;
use serde::{Deserialize, Serialize};

use super::filled;
use crate::{
    errors::LunoraError,
    platform::SqlCell,
    shard::{
        database::{count, malformed, text, to_count, to_text},
        replies::{ROUND_SQL, Replies},
        state::State,
        watermarks::{note_restore, restore_watermark},
    },
    wire::{
        client_line::{ClientLine, Reply, Watermark},
        identity::BASE64_URL,
        operation::{
            ExportClients, ExportClientsArgs, ExportClientsPage, ImportClientsAnswer,
            ImportClientsArgs, Unfilled,
        },
        paths::CHANGES_PAGE,
    },
};

const LIMIT: u64 = 5000;

/// The kind of a line, and the key after which the page begins.
type Position = (Kind, String, String);

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Watermarks,
    Replies,
}

/// Returns one page of a round: `{"lines","cursor","isDone","round"?,"seq"}`.
pub(super) fn export(state: &State, args: &ExportClientsArgs<'_>) -> Result<String, LunoraError> {
    let position = args.cursor.as_deref().map(read_cursor).transpose()?;
    let round = match position {
        None => Some(begin_round(state)?),
        Some(_) => None,
    };
    let seq = state.changes.cursor(&state.database)?;
    let (mut kind, mut first, mut second) =
        position.unwrap_or((Kind::Watermarks, String::new(), String::new()));
    let mut page = Page { rows: args.limit.unwrap_or(LIMIT).max(1), ..Page::default() };
    let cursor = loop {
        match page.fill(state, kind, (&first, &second), args.since)? {
            Some((first, second)) => break Some((kind, first, second)),
            None if kind == Kind::Replies => break None,
            None => (kind, first, second) = (Kind::Replies, String::new(), String::new()),
        }
    };
    let is_done = cursor.is_none();
    let cursor = cursor.as_ref().map(write_cursor).transpose()?;
    let end = ExportClientsPage { lines: Unfilled::default(), cursor, is_done, round, seq };
    filled::<ExportClients>(&end, &page.json)
}

/// Begins a round, and returns it: later writes carry its number.
fn begin_round(state: &State) -> Result<u64, LunoraError> {
    state.database.atomically(|| {
        let sql = format!(
            "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('clientsRound',CAST({ROUND_SQL}+1 AS TEXT))"
        );
        state.database.exec(&sql, &[])?;
        let round = state.database.exec_value(&format!("SELECT {ROUND_SQL}"), &[])?;
        Ok(to_count(round.as_ref()))
    })
}

/// The lines of a page, and the room that is left.
#[derive(Default)]
struct Page {
    json: String,
    rows: u64,
}

impl Page {
    /// Adds the records after a key, and returns the last key if the page is full.
    fn fill(
        &mut self,
        state: &State,
        kind: Kind,
        (first, second): (&str, &str),
        since: u64,
    ) -> Result<Option<(String, String)>, LunoraError> {
        // The sizes come first, which SQLite knows without reading the answers.
        let (table, keys, size, columns) = match kind {
            Kind::Watermarks => ("_lunora_watermarks", "\"user\",\"client\"", "0", "\"seq\",0"),
            Kind::Replies => (
                "_lunora_replies",
                "\"namespace\",\"id\"",
                "octet_length(\"body\")",
                "\"body\",\"ts\"",
            ),
        };
        let sql = format!(
            "SELECT {keys},{size} FROM \"{table}\" WHERE ({keys})>(?,?) AND \"round\">=CAST(? AS INTEGER) ORDER BY {keys} LIMIT CAST(? AS INTEGER)"
        );
        let params = [text(first), text(second), count(since), count(self.rows + 1)];
        let (mut end, mut is_full, mut bytes) = (None, false, self.json.len() as u64);
        for row in state.database.exec(&sql, &params)?.rows {
            let mut cells = row.into_iter();
            let key = cells.next().and_then(to_text).zip(cells.next().and_then(to_text));
            let size = to_count(cells.next().as_ref()) + 128;
            let is_first = self.json.is_empty() && end.is_none();
            if !is_first && (self.rows == 0 || bytes + size > CHANGES_PAGE) {
                is_full = true;
                break;
            }
            bytes += size;
            self.rows = self.rows.saturating_sub(1);
            end = key;
        }
        let Some((last_first, last_second)) = &end else {
            return Ok(is_full.then(|| (first.to_owned(), second.to_owned())));
        };
        let sql = format!(
            "SELECT {keys},{columns} FROM \"{table}\" WHERE ({keys})>(?,?) AND ({keys})<=(?,?) AND \"round\">=CAST(? AS INTEGER) ORDER BY {keys}"
        );
        let params = [text(first), text(second), text(last_first), text(last_second), count(since)];
        for row in state.database.exec(&sql, &params)?.rows {
            self.push(kind, row)?;
        }
        Ok(end.filter(|_| is_full))
    }

    fn push(&mut self, kind: Kind, row: Vec<SqlCell>) -> Result<(), LunoraError> {
        let Ok([SqlCell::Text(first), SqlCell::Text(second), value, ts]) =
            <[SqlCell; 4]>::try_from(row)
        else {
            return Err(malformed("_lunora_replies"));
        };
        let line = match (kind, value) {
            (Kind::Watermarks, seq) => ClientLine::Watermark(Watermark {
                user: first,
                client: second,
                seq: to_count(Some(&seq)),
            }),
            (Kind::Replies, SqlCell::Text(body)) => ClientLine::Reply(Reply {
                namespace: first,
                id: second,
                body,
                ts: to_count(Some(&ts)),
            }),
            (Kind::Replies, _) => return Err(malformed("_lunora_replies")),
        };
        if !self.json.is_empty() {
            self.json.push(',');
        }
        self.json += &serde_json::to_string(&line).map_err(LunoraError::internal)?;
        Ok(())
    }
}

fn read_cursor(cursor: &str) -> Result<Position, LunoraError> {
    let json = BASE64_URL.decode(cursor).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| LunoraError::bad_request("`cursor` is not one that a page ended with"))
}

fn write_cursor(position: &Position) -> Result<String, LunoraError> {
    let json = serde_json::to_vec(position).map_err(LunoraError::internal)?;
    Ok(BASE64_URL.encode(json))
}

/// Deletes every watermark and every stored answer.
pub(super) fn delete_all(state: &State) -> Result<(), LunoraError> {
    state.database.exec("DELETE FROM \"_lunora_watermarks\"", &[])?;
    state.database.exec("DELETE FROM \"_lunora_replies\"", &[]).map(drop)
}

/// Restores watermarks and answers, all or nothing. Repeated, it changes nothing.
pub(super) fn import(
    state: &State,
    args: &ImportClientsArgs<Vec<ClientLine>>,
) -> Result<ImportClientsAnswer, LunoraError> {
    state.database.atomically(|| {
        if args.reset {
            delete_all(state)?;
        }
        note_restore(&state.database, state.host().now_ms())?;
        for line in &args.lines {
            match line {
                ClientLine::Watermark(Watermark { user, client, seq }) => {
                    restore_watermark(&state.database, user, client, *seq)?;
                }
                ClientLine::Reply(Reply { namespace, id, body, ts }) => {
                    Replies::restore(&state.database, (namespace, id), body, *ts)?;
                }
            }
        }
        Ok(ImportClientsAnswer { received: args.lines.len() as u64 })
    })
}
