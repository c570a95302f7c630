//! The rows of an import that belong to no shard.

use super::{Import, ImportTarget};
use crate::{errors::LunoraError, log};

impl Import<'_> {
    /// The maximum size of rows that wait for others, in bytes.
    const MAX_WAITING: usize = 4 * 1024 * 1024;

    /// Learns which rows without a mark belong to global tables.
    pub(super) async fn learn_globals(&mut self) -> Result<(), LunoraError> {
        if let ImportTarget::Sharding(_) = self.target {
            let global = self.admin.global_catalog().await?.tables;
            self.only_global = self.admin.unknown_tables(&global).await?;
        }
        Ok(())
    }

    /// Writes the rows that wait for others, as long as some of them find what they refer to.
    pub(super) async fn settle_globals(&mut self) {
        loop {
            let before = self.waiting.len();
            let rows = std::mem::take(&mut self.waiting);
            if before == 0 || self.report.global_failure.is_some() {
                rows.into_iter().for_each(|(_, error)| self.error(error));
                return;
            }
            self.global = rows.into_iter().map(|(row, _)| row).collect();
            self.buffered += self.global.iter().map(|row| row.doc.get().len()).sum::<usize>();
            self.flush_globals().await;
            if self.waiting.len() == before {
                let rows = std::mem::take(&mut self.waiting);
                rows.into_iter().for_each(|(_, error)| self.error(error));
                return;
            }
        }
    }

    /// Writes the rows of global tables.
    pub(super) async fn flush_globals(&mut self) {
        let rows = std::mem::take(&mut self.global);
        let Some(globals) = self.admin.globals().filter(|_| !rows.is_empty()) else { return };
        self.buffered -= rows.iter().map(|row| row.doc.get().len()).sum::<usize>();
        let last = rows.last().map(|row| row.number);
        let written = globals.insert(rows).await;
        let mut room = Self::MAX_WAITING
            .saturating_sub(self.waiting.iter().map(|(row, _)| row.doc.get().len()).sum());
        for (row, error) in written.waiting {
            match room.checked_sub(row.doc.get().len()) {
                Some(left) => {
                    room = left;
                    self.waiting.push((row, error));
                }
                None => self.error(error),
            }
        }
        self.report.conflicts = self.report.conflicts.saturating_add(written.conflicts);
        for (table, count) in written.inserted {
            *self.report.inserted.entry(table).or_default() += count;
        }
        for error in written.errors {
            self.error(error);
        }
        let Some((first, error)) = written.failure else { return };
        log::error(&error.to_log_line());
        let last = last.unwrap_or(first);
        let detail = error.to_body().error;
        let message = detail.message.into_owned();
        self.refuse(
            &detail.code,
            first,
            format!(
                "the database of the global tables failed, and lines {first} to {last} of its rows may be missing: {message}"
            ),
            "",
        );
        self.report.global_failure.get_or_insert(message);
    }
}
