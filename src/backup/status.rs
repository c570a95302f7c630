//! Whether the backup keeps up with its trigger.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    Backups, DrillStatus, SnapshotName, SnapshotSummary, UnfinishedRun, manifest::is_zero,
    proof::Proof, run::unwritten,
};
use crate::{
    errors::{Code, LunoraError},
    platform::{CronExpression, ObjectInfo, PutOptions, StoreError},
    wire::iso::to_iso,
};

/// How far a backup is behind its trigger.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackupStatus {
    /// The trigger.
    pub cron: String,
    /// What tells the deployment from others, as its snapshots say it; absent where the namespace of
    /// the shards does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// How many snapshots of other deployments are under the same prefix. They can be restored; else
    /// they are left alone, and a run for the time of one of them is refused.
    #[serde(skip_serializing_if = "is_zero")]
    pub foreign: u64,
    /// The newest intact snapshot that the trigger took; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<SnapshotSummary>,
    /// When that snapshot was last read back and found whole, in ISO form; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// When a drill last restored that snapshot into a scratch shard, in ISO form; absent where none
    /// did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<String>,
    /// The last drill; absent where drills are not configured and none was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillStatus>,
    /// The last time for which there must be a snapshot by now, in ISO form: the trigger's last
    /// due time that is an hour old, [`Backups::GRACE`].
    pub due: Option<String>,
    /// When the trigger is due next, in ISO form.
    pub next: Option<String>,
    /// Since when the deployment is known to have the trigger, in ISO form; absent where a snapshot
    /// of it proves that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The runs that one invocation could not finish, and that another is to go on with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<UnfinishedRun>,
    /// Whether the snapshot for `due` is missing. One that is being taken, by an invocation of the last
    /// hour, is not.
    pub overdue: bool,
}

impl Backups {
    /// How long after its due time a snapshot may be missing before the backup is overdue.
    pub const GRACE: Duration = Duration::from_secs(60 * 60);

    /// Tells when the last snapshot of the trigger was taken, when the next one is due, whether
    /// one is overdue, when the last one was verified, and how the last drill ended.
    ///
    /// It costs one listing, and reads no snapshot. Only snapshots of this deployment and of the
    /// configured trigger count, and of those only the ones that [`list`](Self::list) has.
    ///
    /// Where the trigger has no snapshot, and where drills have a trigger, the first call writes a small
    /// object that says since when it is known. Until the trigger is due after that moment nothing is
    /// overdue; later it is, so that a trigger that never fires, or whose every run fails, does not stay
    /// unnoticed.
    ///
    /// # Errors
    /// When the store fails.
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

    /// Returns since when a trigger is known, in milliseconds since 1970; a trigger that is new is
    /// noted under `name`.
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
    /// Returns the error that an overdue backup, and a drill that failed or is overdue, is.
    ///
    /// # Errors
    /// 503 `BACKUP_OVERDUE`, where the snapshot or the drill is missing; 503 `BACKUP_DRILL_FAILED`.
    pub fn into_result(self) -> Result<Self, LunoraError> {
        if !self.overdue {
            if let Some(drill) = &self.drill {
                drill.check()?;
            }
            return Ok(self);
        }
        let last = self.last.as_ref().map_or("there is none", |last| &last.id);
        let message = format!(
            "the backup is overdue: the trigger `{}` was due at {}, and its newest intact snapshot is: {last}; \
             see the log of that run, and that wrangler.jsonc has the trigger",
            self.cron,
            self.due.as_deref().unwrap_or_default(),
        );
        Err(LunoraError::new(Code::BackupOverdue, message))
    }
}
