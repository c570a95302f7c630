//! The shard: the notes of one user.

use lunora::shard::prelude::*;
use serde::{Deserialize, Serialize};

const NOTES: Table<Note> = table!("notes");

/// A note.
#[derive(Debug, Deserialize, Serialize)]
pub struct Note {
    /// What it says.
    pub text: String,
}

lunora::shard! {
    /// The notes of one user.
    pub struct Notes;
    tables: [NOTES],
    functions: {
        query "notes:list" => list,
        mutation "notes:add" => add,
    },
}

fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Note>>, LunoraError> {
    ctx.db().table(NOTES).take(100)
}

fn add(ctx: &Mutation<'_>, note: Note) -> Result<Document<Note>, LunoraError> {
    ctx.db().insert(NOTES, note)
}
