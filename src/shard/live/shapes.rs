//! Shapes: sets of rows that a client keeps in step (docs/wire.md, "Shapes").
//!
//! A shape is a live query whose value is a set: its rows have no order, so every change of it is sent row
//! by row, in pokes that a client applies as a whole.

use serde_json::value::RawValue;

use super::{
    frame::{Position, ShardFrame},
    interfaces::LiveSocket,
    outcome::Outcome,
    outline::Outline,
    sockets::{Handle, Live},
};

impl<S: LiveSocket> Live<S> {
    /// Sends what changed in a shape since `from`, or all of it.
    pub(super) fn send_shape(
        &self,
        handle: &Handle<S>,
        id: &str,
        run: &Outcome<S>,
        from: Option<&Outline>,
        position: &Position<'_>,
    ) {
        let rows = run
            .outcome
            .as_ref()
            .ok()
            .and_then(|value| value.outline()?.patch(from, &value.json, run.table(id)));
        match rows {
            Some(rows) => self.poke(handle, Some((id, &rows, from.is_none())), position),
            None => handle.socket.send(&ShardFrame::of_code(
                Some(id),
                "SHAPE_RESOLVE_FAILED",
                "the query of a shape must return a list of documents",
            )),
        }
    }

    /// Sends the rows of a shape; without rows, only the position moves on.
    pub(super) fn poke(
        &self,
        handle: &Handle<S>,
        rows: Option<(&str, &[Box<RawValue>], bool)>,
        position: &Position<'_>,
    ) {
        let number = self.pokes.get() + 1;
        self.pokes.set(number);
        let poke_id = &*format!("poke-{number}");
        let (checkpoint, epoch) = (position.cursor, position.epoch);
        let send = |frame: ShardFrame<'_>| handle.socket.send(&frame.to_text());
        send(ShardFrame::PokeStart { poke_id, epoch });
        if let Some((shape_id, rows_patch, reset)) = rows {
            let last_mutation_id = position.last_mutation_id;
            send(ShardFrame::PokePart { poke_id, shape_id, rows_patch, last_mutation_id, reset });
        }
        send(ShardFrame::PokeEnd { poke_id, checkpoint, epoch });
    }
}
