//! The status of drills: the last result, and how far they are behind their trigger.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DrillProblem, DrillState};
use crate::{
    backup::{Backups, SnapshotName},
    errors::{Code, LunoraError},
    platform::ObjectInfo,
    wire::iso::to_iso,
};

/// The result of the last drill, and how far drills are behind their trigger.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DrillStatus {
    /// The trigger; absent if drills only run manually.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The last drill; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastDrill>,
    /// The last time for which a successful drill must exist by now, in ISO form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// The next due time of the trigger, in ISO form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// `true` if no drill succeeded since `due`.
    pub overdue: bool,
}

/// The result of a drill, as the status shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LastDrill {
    /// The time at which it ended, in ISO form.
    pub at: String,
    /// `true` if everything that was restored matches the snapshot.
    pub ok: bool,
    /// The first problem; cut if it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<DrillProblem>,
    /// The id of the snapshot.
    pub snapshot: String,
    /// The number of shards that were restored and compared.
    pub shards: u64,
    /// The number of shards of the snapshot that hold something.
    pub of_shards: u64,
    /// The number of rows that were read back and compared.
    pub rows: u64,
}

impl From<DrillState> for LastDrill {
    fn from(state: DrillState) -> Self {
        Self {
            at: to_iso(state.ended_ms),
            ok: state.problem.is_none(),
            problem: state.problem,
            snapshot: state.snapshot,
            shards: state.shards,
            of_shards: state.of_shards,
            rows: state.rows,
        }
    }
}

impl Backups {
    /// Returns the status of drills from a listing.
    pub(in crate::backup) async fn drill_status(
        &self,
        objects: &BTreeMap<String, ObjectInfo>,
        now: i64,
        grace: i64,
    ) -> Result<Option<DrillStatus>, LunoraError> {
        let key = SnapshotName::drill(self.config.prefix());
        let state = objects.get(&key).and_then(DrillState::of_object);
        let state = state.filter(|state| !self.is_foreign(state.deployment.as_deref()));
        let Some(cron) = self.config.drill() else {
            let manual = |state: DrillState| DrillStatus {
                cron: None,
                last: Some(state.into()),
                due: None,
                next: None,
                overdue: false,
            };
            return Ok(state.map(manual));
        };
        let name = ["drill ", cron.as_str()].concat();
        let since = self.known_since(&name, cron, objects, now).await?;
        let proven = state.as_ref().and_then(|state| state.proven_ms);
        let covered = proven.map_or(since, |proven| proven.max(since));
        let due = cron.previous_at_or_before(now.saturating_sub(grace));
        Ok(Some(DrillStatus {
            cron: Some(cron.as_str().to_owned()),
            last: state.map(Into::into),
            due: due.map(to_iso),
            next: cron.next_after(now).map(to_iso),
            overdue: due.is_some_and(|due| covered < due),
        }))
    }
}

impl DrillStatus {
    /// Fails if the last drill failed, or a drill is overdue.
    pub(in crate::backup) fn check(&self) -> Result<(), LunoraError> {
        if let Some(LastDrill { problem: Some(problem), snapshot, .. }) = &self.last {
            let message = format!(
                "the drill of snapshot `{snapshot}` failed: {}; it counts until a later drill \
                 succeeds (`lunora backup drill`)",
                problem.to_text()
            );
            return Err(LunoraError::new(Code::BackupDrillFailed, message));
        }
        if !self.overdue {
            return Ok(());
        }
        let message = format!(
            "the backup drill is overdue: the trigger `{}` was due at {}, and no drill succeeded \
             since; see the log of that run, and that wrangler.jsonc has the trigger",
            self.cron.as_deref().unwrap_or_default(),
            self.due.as_deref().unwrap_or_default(),
        );
        Err(LunoraError::new(Code::BackupOverdue, message))
    }
}
