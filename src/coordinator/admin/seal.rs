//! The last line of an export, which proves that the lines before it are complete.

use memchr::{memmem, memrchr};
use serde::{Deserialize, Serialize};

use crate::{
    errors::LunoraError,
    platform::{Sha256Stream, hex},
};

/// The beginning of the last line.
pub(super) const END: &[u8] = b"{\"$end\":";

#[derive(Deserialize, Serialize)]
struct EndLine {
    #[serde(rename = "$end")]
    end: End,
}

/// The count and the digest of the lines before the last one.
#[derive(Deserialize, Serialize)]
struct End {
    rows: u64,
    sha256: String,
}

/// Counts and hashes an export as it is written.
pub(crate) struct Seal {
    hash: Sha256Stream,
    rows: u64,
}

impl Seal {
    pub(crate) fn new() -> Result<Self, LunoraError> {
        Ok(Self { hash: Sha256Stream::new()?, rows: 0 })
    }

    pub(crate) async fn add(&mut self, lines: &[u8], rows: u64) -> Result<(), LunoraError> {
        self.rows += rows;
        self.hash.update(lines).await
    }

    /// Returns the last line.
    #[cfg(feature = "admin")]
    pub(crate) async fn finish(self) -> Result<bytes::Bytes, LunoraError> {
        let end = End { rows: self.rows, sha256: hex(&self.hash.finish().await?) };
        let mut line = serde_json::to_vec(&EndLine { end }).map_err(LunoraError::internal)?;
        line.push(b'\n');
        Ok(line.into())
    }
}

/// Compares the last line of an export, if it has one, with the lines before it.
pub(super) struct SealCheck {
    seal: Seal,
    /// The beginning of the current line.
    begun: Vec<u8>,
    end: Option<End>,
}

impl SealCheck {
    pub(super) fn new() -> Result<Self, LunoraError> {
        Ok(Self { seal: Seal::new()?, begun: Vec::new(), end: None })
    }

    pub(super) async fn push(&mut self, piece: &[u8]) -> Result<(), LunoraError> {
        let Some(last_break) = memrchr(b'\n', piece) else {
            self.begun.extend_from_slice(piece);
            return Ok(());
        };
        let (whole, rest) = piece.split_at(last_break + 1);
        self.begun.extend_from_slice(whole);
        let whole = std::mem::replace(&mut self.begun, rest.to_vec());
        self.lines(&whole).await
    }

    /// Counts whole lines up to the last one of the export. The reader of the rows reports whatever
    /// follows it.
    async fn lines(&mut self, whole: &[u8]) -> Result<(), LunoraError> {
        if self.end.is_some() {
            return Ok(());
        }
        let end = memmem::find_iter(whole, END).find_map(|at| {
            let (before, rest) = whole.split_at_checked(at)?;
            let is_line = before.is_empty() || before.ends_with(b"\n");
            let line = rest.split(|byte| *byte == b'\n').next().filter(|_| is_line)?;
            Some((before, serde_json::from_slice::<EndLine>(line).ok()?.end))
        });
        let (counted, end) = match end {
            Some((before, end)) => (before, Some(end)),
            None => (whole, None),
        };
        let rows = memchr::memchr_iter(b'\n', counted).count() as u64;
        self.seal.add(counted, rows).await?;
        self.end = end;
        Ok(())
    }

    /// Returns the problem; `None` also for an export without a last line.
    pub(super) async fn finish(self) -> Result<Option<String>, LunoraError> {
        let Some(end) = self.end else { return Ok(None) };
        let (rows, sha256) = (self.seal.rows, hex(&self.seal.hash.finish().await?));
        let problem = if rows != end.rows {
            format!("the export has {} rows, and {rows} arrived", end.rows)
        } else if sha256 != end.sha256 {
            "the rows are not those that were exported: the SHA-256 differs".to_owned()
        } else {
            return Ok(None);
        };
        Ok(Some(problem))
    }
}
