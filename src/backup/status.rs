//! The status of a backup relative to its trigger.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    Backups, DrillStatus, SnapshotName, SnapshotSummary, UnfinishedRun, failure::unwritten,
    manifest::is_zero, proof::Proof,
};
use crate::{
    errors::{Code, LunoraError},
    platform::{CronExpression, ObjectInfo, PutOptions, StoreError},
    wire::iso::to_iso,
};

/// The status of a backup relative to its trigger.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackupStatus {
    /// The trigger.
    pub cron: String,
    /// The identity of the deployment, as in its snapshots; absent if the namespace of the shards
    /// has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The number of snapshots of other deployments under the same prefix. They can be restored but
    /// are otherwise left alone, and a run for the time of one of them is refused.
    #[serde(skip_serializing_if = "is_zero")]
    pub foreign: u64,
    /// The newest intact snapshot that the trigger took; absent if none exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<SnapshotSummary>,
    /// The time at which that snapshot was last read back and found whole, in ISO form; absent if
    /// it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// The time at which a drill last restored that snapshot into a scratch shard, in ISO form;
    /// absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<String>,
    /// The last drill; absent if drills are not configured and none was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillStatus>,
    /// The last time for which a snapshot must exist by now, in ISO form: the trigger's last due
    /// time that is at least an hour ([`Backups::GRACE`]) ago.
    pub due: Option<String>,
    /// The next due time of the trigger, in ISO form.
    pub next: Option<String>,
    /// The time since which the deployment is known to have the trigger, in ISO form; absent if a
    /// snapshot of the trigger proves that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The runs that one invocation could not finish, and that another is to continue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<UnfinishedRun>,
    /// `true` if the snapshot for `due` is missing. A snapshot that an invocation of the last hour
    /// is taking is not missing.
    pub overdue: bool,
}

impl Backups {
    /// The time after its due time for which a snapshot may be missing before the backup is
    /// overdue.
    pub const GRACE: Duration = Duration::from_secs(60 * 60);

    /// Returns the status of the backup: the last snapshot of the trigger and its verification, the
    /// next due time, whether a snapshot is overdue, and the last drill.
    ///
    /// It costs one listing, and reads no snapshot. Only snapshots of this deployment and of the
    /// configured trigger count, and of those only the ones that [`list`](Self::list) returns.
    ///
    /// If the trigger has no snapshot, and if drills have a trigger, the first call writes a small
    /// object that records since when it is known. Nothing is overdue until the trigger is due
    /// after that moment; from then on it is, so that a trigger that never fires, or whose every
    /// run fails, is noticed.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn status(&self) -> Result<BackupStatus, LunoraError> {
        let cron = self.config.cron();
        let now = i64::try_from(self.clock.now_ms()).map_err(LunoraError::internal)?;
        let grace = i64::try_from(Self::GRACE.as_millis()).map_err(LunoraError::internal)?;
        let objects = self.objects().await?;
        let (own, foreign) = self
            .summaries(&objects)
            .await?
            .into_iter()
            .partition::<Vec<_>, _>(|summary| self.is_own_snapshot(summary));
        let last = own.into_iter().find(|summary| summary.cron.as_deref() == Some(cron.as_str()));
        let proof = last.as_ref().and_then(|last| {
            let proof = Proof::of_object(objects.get(&SnapshotName::proof_of(&last.file))?)?;
            proof.proves(last).then_some(proof)
        });
        let (verified_at, drilled) =
            proof.map_or((None, None), |proof| (Some(proof.verified_at), proof.drilled));
        let drill = self.drill_status(&objects, now, grace).await?;
        let due = cron.previous_at_or_before(now.saturating_sub(grace));
        let (covered, since) = match &last {
            Some(last) => (last.scheduled_time, None),
            None => {
                let since = self.known_since(cron.as_str(), cron, &objects, now).await?;
                (since, Some(since))
            }
        };
        let unfinished = self.unfinished_runs(&objects);
        let is_under_way = |due: i64| {
            let own = |run: &&UnfinishedRun| run.cron.as_deref() == Some(cron.as_str());
            let late = to_iso(now.saturating_sub(grace));
            unfinished.iter().filter(own).any(|run| run.scheduled_time >= due && run.left_at > late)
        };
        Ok(BackupStatus {
            cron: cron.as_str().to_owned(),
            deployment: self.deployment.clone(),
            foreign: u64::try_from(foreign.len()).map_err(LunoraError::internal)?,
            last,
            verified_at,
            drilled_at: drilled.map(|drilled| drilled.drilled_at),
            drill,
            due: due.map(to_iso),
            next: cron.next_after(now).map(to_iso),
            since: since.map(to_iso),
            overdue: due.is_some_and(|due| covered < due && !is_under_way(due)),
            unfinished,
        })
    }

    /// Returns the time since which a trigger is known, in milliseconds since 1970; a new trigger
    /// is recorded under `name`.
    pub(super) async fn known_since(
        &self,
        name: &str,
        cron: &CronExpression,
        objects: &BTreeMap<String, ObjectInfo>,
        now: i64,
    ) -> Result<i64, LunoraError> {
        let marker = SnapshotName::marker(self.config.prefix(), name);
        if let Some(known) = objects.get(&marker) {
            return i64::try_from(known.uploaded_ms).map_err(LunoraError::internal);
        }
        self.mark(&marker, cron).await?;
        Ok(now)
    }

    async fn mark(&self, marker: &str, cron: &CronExpression) -> Result<(), LunoraError> {
        let text = format!("{{\"cron\":{}}}\n", serde_json::json!(cron.as_str()));
        let options = PutOptions::new().only_if_absent();
        match self.config.store().put(marker, text.into(), options).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(unwritten(error)),
        }
    }
}

impl BackupStatus {
    /// Fails if the backup is overdue, or if a drill failed or is overdue.
    ///
    /// # Errors
    /// 503 `BACKUP_OVERDUE` if the snapshot or the drill is missing; 503 `BACKUP_DRILL_FAILED`.
    pub fn into_result(self) -> Result<Self, LunoraError> {
        if !self.overdue {
            if let Some(drill) = &self.drill {
                drill.check()?;
            }
            return Ok(self);
        }
        let last = self.last.as_ref().map_or("no snapshot", |last| &last.id);
        let message = format!(
            "the backup is overdue: the trigger `{}` was due at {}, and its newest intact snapshot is: {last}; \
             see the log of that run, and that wrangler.jsonc has the trigger",
            self.cron,
            self.due.as_deref().unwrap_or_default(),
        );
        Err(LunoraError::new(Code::BackupOverdue, message))
    }
}
