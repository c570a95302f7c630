//! The numbers of the writes of clients that count them.
//!
//! A client that counts its writes sends 1, 2, 3, …. The shard keeps the last number of each client,
//! its *watermark*: the next number is accepted, a lower one was done already, and a higher one is
//! refused until the numbers between have come.
//!
//! A restore resets watermarks to the snapshot, and the client may have continued since: it knows
//! that number 10 is done, and the snapshot has 7. So after a restore the first number above the
//! watermark is accepted, whichever it is, and becomes the watermark. From then on each number
//! follows the last again. A client that the snapshot does not contain begins in the same way with
//! any number.

use super::{
    database::{Database, count, text, to_count},
    replies::ROUND_SQL,
};
use crate::{errors::LunoraError, platform::SqlCell};

/// The position of a numbered write among those of its client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The write is due.
    Next,
    /// It was done before; the watermark is this.
    Done(u64),
    /// Earlier writes are missing; this number is due.
    TooEarly(u64),
}

/// Returns the position of the write `seq` of a client.
pub(crate) fn place_of(
    database: &Database,
    user: &str,
    client: &str,
    seq: u64,
) -> Result<Place, LunoraError> {
    let row = row_of(database, user, client)?;
    let last = row.as_ref().map_or(0, |row| to_count(row.first()));
    if seq <= last {
        return Ok(Place::Done(last));
    }
    if seq == last + 1 {
        return Ok(Place::Next);
    }
    let may_skip = match &row {
        Some(row) => to_count(row.get(1)) > 0,
        None => was_restored(database)?,
    };
    Ok(if may_skip { Place::Next } else { Place::TooEarly(last + 1) })
}

/// Returns the number of the last write of a client; 0 before the first.
pub(crate) fn watermark(database: &Database, user: &str, client: &str) -> Result<u64, LunoraError> {
    Ok(row_of(database, user, client)?.map_or(0, |row| to_count(row.first())))
}

/// Returns the number, and whether it was restored.
fn row_of(
    database: &Database,
    user: &str,
    client: &str,
) -> Result<Option<Vec<SqlCell>>, LunoraError> {
    let sql =
        "SELECT \"seq\",\"restored\" FROM \"_lunora_watermarks\" WHERE \"user\"=? AND \"client\"=?";
    Ok(database.exec(sql, &[text(user), text(client)])?.rows.into_iter().next())
}

/// Records the write `seq` of a client as done.
pub(crate) fn set_watermark(
    database: &Database,
    user: &str,
    client: &str,
    seq: u64,
) -> Result<(), LunoraError> {
    let sql = format!(
        "INSERT OR REPLACE INTO \"_lunora_watermarks\"(\"user\",\"client\",\"seq\",\"restored\",\"round\") VALUES(?,?,?,0,{ROUND_SQL})"
    );
    database.exec(&sql, &[text(user), text(client), count(seq)]).map(drop)
}

/// Restores a watermark. An already higher one stays.
pub(crate) fn restore_watermark(
    database: &Database,
    user: &str,
    client: &str,
    seq: u64,
) -> Result<(), LunoraError> {
    let sql = format!(
        "INSERT INTO \"_lunora_watermarks\"(\"user\",\"client\",\"seq\",\"restored\",\"round\") VALUES(?,?,?,1,{ROUND_SQL}) \
         ON CONFLICT(\"user\",\"client\") DO UPDATE SET \"seq\"=excluded.\"seq\",\"restored\"=1,\"round\"=excluded.\"round\" WHERE excluded.\"seq\">\"_lunora_watermarks\".\"seq\""
    );
    database.exec(&sql, &[text(user), text(client), count(seq)]).map(drop)
}

/// Records that the shard was restored: clients without a watermark begin with any number.
pub(crate) fn note_restore(database: &Database, now_ms: u64) -> Result<(), LunoraError> {
    let sql = "INSERT OR REPLACE INTO \"_lunora_meta\"(\"name\",\"value\") VALUES('restored',?)";
    database.exec(sql, &[text(&now_ms.to_string())]).map(drop)
}

fn was_restored(database: &Database) -> Result<bool, LunoraError> {
    let sql = "SELECT 1 FROM \"_lunora_meta\" WHERE \"name\"='restored'";
    Ok(database.exec_value(sql, &[])?.is_some())
}
