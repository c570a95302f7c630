//! The functions that `lunora.toml` names.

use lunora::shard::prelude::*;
use serde::{Deserialize, Serialize};

use crate::server::index::NOTES;

/// The most notes that are read at once.
const MOST: u32 = 200;

/// A note in a folder.
#[derive(Debug, Deserialize, Serialize)]
pub struct Note {
    author: String,
    folder: String,
    text: String,
}

/// What `notes:add` takes.
#[derive(Deserialize)]
pub struct Add {
    text: String,
}

/// Writes a note into this folder.
pub fn add(ctx: &Mutation<'_>, args: Add) -> Result<Document<Note>, LunoraError> {
    let author = ctx.auth().require_user()?.to_owned();
    if args.text.trim().is_empty() {
        return Err(invalid_argument("text", "a text that is not empty", "string"));
    }
    let folder = ctx.shard_key().to_owned();
    ctx.db().insert(NOTES, Note { author, folder, text: args.text })
}

/// The newest notes first.
pub fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Note>>, LunoraError> {
    ctx.db().table(NOTES).order(Direction::Desc).take(MOST)
}

/// What `notes:sweep` takes.
#[derive(Deserialize)]
pub struct Sweep {
    keep: usize,
}

/// Deletes all but the newest notes, and says how many went.
pub fn sweep(ctx: &Mutation<'_>, args: Sweep) -> Result<usize, LunoraError> {
    let notes = ctx.db().table(NOTES).order(Direction::Desc).take(MOST)?;
    let old: Vec<_> = notes.into_iter().skip(args.keep).collect();
    for note in &old {
        ctx.db().delete(NOTES, &note.id)?;
    }
    Ok(old.len())
}
