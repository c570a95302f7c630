//! One shard of a snapshot, restored into the scratch shard.

use super::{super::ManifestShard, contents::Contents};
use crate::{
    backup::{
        Backups,
        claim::Claim,
        latest::{Latest, Line},
    },
    coordinator::{ClientImport, Import, ImportReport, ImportTarget, is_client_line},
    errors::LunoraError,
    wire::ShardKey,
};

/// The scratch shard while it holds the rows of the shard `key`.
pub(super) struct Scratch<'a> {
    pub(super) key: String,
    backups: &'a Backups,
    import: Option<Import<'a>>,
    clients: ClientImport<'a>,
    latest: Latest,
    expected: Contents,
    /// The number of lines, changes included; `latest` resolves which of them count.
    lines: u64,
}

/// The result of a comparison.
pub(super) struct Found {
    pub(super) rows: u64,
    pub(super) problem: Option<String>,
}

impl<'a> Scratch<'a> {
    /// Empties the scratch shard, since a killed drill may have left rows in it.
    pub(super) async fn begin(
        backups: &'a Backups,
        key: &str,
        latest: Latest,
    ) -> Result<Self, LunoraError> {
        backups.admin.empty_scratch().await?;
        let target = ImportTarget::Shard(ShardKey::scratch());
        let mut clients = ClientImport::new(&backups.admin);
        clients.retarget(ShardKey::scratch()).await?;
        Ok(Self {
            key: key.to_owned(),
            backups,
            import: Some(Import::new(&backups.admin, target)),
            clients,
            latest,
            expected: Contents::default(),
            lines: 0,
        })
    }

    /// Restores a line as a restore does.
    pub(super) async fn line(
        &mut self,
        number: u64,
        line: Result<&[u8], &'static str>,
    ) -> Result<(), LunoraError> {
        if let Ok(text) = line
            && self.clients.line(text).await?
        {
            self.expected.add_client(text);
            return Ok(());
        }
        self.lines += 1;
        let Some(import) = &mut self.import else { return Ok(()) };
        match line.map(|text| (text, self.latest.of(number, text))) {
            Ok((text, Line::Row)) => {
                self.expected.add_row(text);
                import.line(number, Ok(text));
            }
            Ok((_, Line::Changed(row))) => {
                self.expected.add_row(&row);
                import.line(number, Ok(&row));
            }
            Ok((_, Line::Superseded)) => {}
            Err(error) => import.line(number, Err(error)),
        }
        Ok(())
    }

    pub(super) async fn send_due(&mut self) -> Result<(), LunoraError> {
        match &mut self.import {
            Some(import) => import.send_due().await,
            None => Ok(()),
        }
    }

    /// Sends the remaining lines, reads everything back, and compares it.
    pub(super) async fn compare(
        &mut self,
        manifest: Option<&ManifestShard>,
        claim: &mut Claim,
    ) -> Result<Found, LunoraError> {
        self.clients.flush().await?;
        let report = match self.import.take() {
            Some(import) => import.finish().await?,
            None => ImportReport::default(),
        };
        let mut found = Contents::default();
        let mut export = self.backups.admin.export_scratch(self.backups.config.page_rows());
        while let Some(chunk) = export.next().await? {
            self.backups.renew_claim(claim, false).await?;
            for line in chunk.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match is_client_line(line) {
                    true => found.add_client(line),
                    false => found.add_row(line),
                }
            }
        }
        let problem = self
            .count(manifest)
            .or_else(|| refused(&report))
            .or_else(|| self.expected.difference(&found));
        Ok(Found { rows: found.rows(), problem })
    }

    /// Compares the numbers of lines with those of the manifest.
    fn count(&self, manifest: Option<&ManifestShard>) -> Option<String> {
        let shard = manifest?;
        let lines = shard.rows.saturating_add(shard.changes);
        let clients = shard.watermarks.saturating_add(shard.replies);
        let received = self.clients.received();
        (lines != self.lines || clients != received).then(|| {
            format!(
                "the manifest has {lines} rows and changes, and {clients} watermarks and stored \
                 answers; the snapshot has {} and {}",
                self.lines, received
            )
        })
    }
}

/// Returns the reason for which the shard rejected rows.
fn refused(report: &ImportReport) -> Option<String> {
    let omitted = report.errors_omitted;
    match report.errors.first() {
        Some(error) => {
            let count = (report.errors.len() as u64).saturating_add(omitted);
            let table = match &*error.table {
                "" => String::new(),
                table => format!(" of table `{table}`"),
            };
            Some(format!(
                "{count} rows were refused; the first is line {}{table}: {} {}",
                error.line, error.code, error.message
            ))
        }
        None if report.conflicts > 0 => {
            Some(format!("{} rows have the `_id` of another one", report.conflicts))
        }
        None => None,
    }
}
