//! The state of the last drill: one object beside the snapshots, whose metadata a listing includes.

use serde::{Deserialize, Serialize};

use super::{DrillProblem, DrillReport};
use crate::{
    backup::{Backups, SnapshotName, failure::unreadable, failure::unwritten},
    errors::LunoraError,
    platform::{ObjectInfo, ObjectMetadata, PutOptions},
};

/// The last drill, and the shard with which the next one begins.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::backup) struct DrillState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::backup) deployment: Option<String>,
    /// The time at which it ended, in milliseconds since 1970.
    pub(in crate::backup) ended_ms: i64,
    /// The time at which the last successful drill ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::backup) proven_ms: Option<i64>,
    pub(in crate::backup) snapshot: String,
    pub(in crate::backup) shards: u64,
    pub(in crate::backup) of_shards: u64,
    pub(in crate::backup) rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::backup) problem: Option<DrillProblem>,
    /// Stored only in the object's body, since a shard key may exceed the limit for metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::backup) next: Option<String>,
}

impl DrillState {
    const METADATA: &str = "lunoraBackupDrill";
    /// R2 accepts 2,048 bytes of metadata per object.
    const MAX_METADATA: usize = 1536;
    const MAX_BYTES: usize = 64 * 1024;

    /// Reads the state from the listed object; without `next`, which a listing does not include.
    pub(in crate::backup) fn of_object(object: &ObjectInfo) -> Option<Self> {
        serde_json::from_str(object.metadata.custom.get(Self::METADATA)?).ok()
    }

    /// Returns the state as metadata, which is sent in headers: ASCII, and cut to size.
    fn to_metadata(&self) -> Result<String, LunoraError> {
        let mut state = Self { next: None, ..self.clone() };
        let mut most = 512;
        loop {
            if let Some(problem) = &mut state.problem {
                problem.message = cut(std::mem::take(&mut problem.message), most);
                problem.shard_key = problem.shard_key.take().map(|key| cut(key, most));
            }
            let text = serde_json::to_string(&state).map_err(LunoraError::internal)?;
            let text = escape(&text);
            if text.len() <= Self::MAX_METADATA || most == 0 {
                return Ok(text);
            }
            most /= 2;
        }
    }
}

impl Backups {
    /// Reads the last drill; `None` before the first, and if the state is malformed or belongs to
    /// another deployment.
    pub(super) async fn drill_state(&self) -> Result<Option<DrillState>, LunoraError> {
        let key = SnapshotName::drill(self.config.prefix());
        let found = self.config.store().get(&key).await.map_err(unreadable)?;
        let Some(object) = found else { return Ok(None) };
        let text = object.body.into_bytes(DrillState::MAX_BYTES).await.map_err(unreadable)?;
        let state = serde_json::from_slice::<DrillState>(&text).ok();
        Ok(state.filter(|state| !self.is_foreign(state.deployment.as_deref())))
    }

    /// Stores the result of a drill, for the status and for the next drill.
    pub(super) async fn note_drill(
        &self,
        report: &DrillReport,
        before: Option<DrillState>,
    ) -> Result<(), LunoraError> {
        let ended_ms = i64::try_from(self.clock.now_ms()).map_err(LunoraError::internal)?;
        let before = before.and_then(|before| before.proven_ms);
        let state = DrillState {
            deployment: self.deployment.clone(),
            ended_ms,
            proven_ms: if report.ok { Some(ended_ms) } else { before },
            snapshot: report.id.clone(),
            shards: report.shards,
            of_shards: report.of_shards,
            rows: report.rows,
            problem: report.problems.first().cloned(),
            next: report.next.clone(),
        };
        let text = serde_json::to_string(&state).map_err(LunoraError::internal)? + "\n";
        let metadata = ObjectMetadata::new()
            .with_content_type("application/json")
            .with_custom(DrillState::METADATA, state.to_metadata()?);
        let options = PutOptions::new().with_metadata(metadata);
        let key = SnapshotName::drill(self.config.prefix());
        self.config.store().put(&key, text.into(), options).await.map_err(unwritten)?;
        Ok(())
    }
}

/// Cuts a text to at most `most` characters.
pub(super) fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}

/// Escapes the non-ASCII characters of a JSON text.
fn escape(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() {
            text.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_ascii_and_fits_whatever_failed() {
        let problem = DrillProblem::of_shard(&"部屋".repeat(170), "é😀\"".repeat(400));
        let state = DrillState {
            deployment: Some("d".repeat(64)),
            ended_ms: 1,
            proven_ms: Some(1),
            snapshot: "2026-06-01T12:00:00.000Z".to_owned(),
            shards: 1,
            of_shards: 2,
            rows: 3,
            problem: Some(problem),
            next: Some("k".repeat(1024)),
        };
        let text = state.to_metadata().unwrap();
        assert!(text.is_ascii() && text.len() <= 1536, "{}", text.len());
        let read: DrillState = serde_json::from_str(&text).unwrap();
        assert!(read.problem.unwrap().message.starts_with("é😀\""));
        assert_eq!((read.snapshot, read.next), (state.snapshot, None));
    }
}
