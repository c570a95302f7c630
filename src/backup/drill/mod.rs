//! Proves that a snapshot can be restored: into a scratch shard, and read back out of it.

mod contents;
mod scratch;
mod state;
mod status;

use std::collections::{BTreeMap, HashSet};

use futures::StreamExt;
use serde::{Deserialize, Serialize};

pub(super) use self::state::DrillState;
pub use self::status::{DrillStatus, LastDrill};
use self::{scratch::Scratch, state::cut};
use super::{
    Backups, Manifest, SnapshotName, Verification,
    claim::Claim,
    failure::damaged,
    failure::{missing, unreadable},
    proof::Drilled,
    targets::Targets,
    verification::Reading,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    message::Body,
    sort,
    wire::lines::Lines,
};

/// The result of a drill.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DrillReport {
    /// The id of the snapshot.
    pub id: String,
    /// `true` if the contents of every restored shard match the snapshot.
    pub ok: bool,
    /// The differences.
    pub problems: Vec<DrillProblem>,
    /// The number of shards that were restored and compared.
    pub shards: u64,
    /// The number of shards of the snapshot that hold something.
    pub of_shards: u64,
    /// The number of rows that were read back and compared.
    pub rows: u64,
    /// The shard with which the next drill begins; absent if this drill restored all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The reason for which a drill failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DrillProblem {
    /// The shard; absent if the snapshot as a whole is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_key: Option<String>,
    /// The message.
    pub message: String,
}

impl DrillProblem {
    fn of_shard(key: &str, message: impl Into<String>) -> Self {
        Self { shard_key: Some(key.to_owned()), message: message.into() }
    }

    pub(super) fn to_text(&self) -> String {
        match &self.shard_key {
            Some(key) => format!("shard `{key}`: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Backups {
    /// The number of lines of a snapshot after which a drill begins no further shard.
    const DRILL_LINES: u64 = 200_000;
    /// The maximum number of problems in a report.
    const DRILL_PROBLEMS: usize = 20;

    /// Proves that a snapshot can be restored; by default the newest intact one of this deployment.
    ///
    /// A drill restores the snapshot's shards into a scratch shard, one after the other. It reads
    /// rows, watermarks and stored answers back, compares them and the digest with the snapshot,
    /// and empties the scratch shard.
    ///
    /// The scratch shard lives in the namespace of the shards under a name that no client can use.
    /// No registry lists it, and no snapshot, export, query or migration includes it. Live shards
    /// are neither read nor written. A drill that was killed leaves its rows there until the next
    /// one, which empties the shard first.
    ///
    /// One drill restores at most [`BackupConfig::drill_shards`](crate::backup::BackupConfig::drill_shards)
    /// shards, and begins no further one after 200,000 lines. The next drill continues with the
    /// shards after them, so that all are proven over time; after a failure it begins with the
    /// shard that failed. Each drill reads the whole snapshot, since the digest covers all of it.
    ///
    /// The result is part of [`status`](Self::status). A success is written beside the manifest, as
    /// by [`verify`](Self::verify).
    ///
    /// # Errors
    /// 409 `RESTORE_IN_PROGRESS` or `RESTORE_UNFINISHED` while a restore is open, 409
    /// `BACKUP_IN_PROGRESS` while another drill runs; 404 `STORAGE_OBJECT_NOT_FOUND` if the
    /// snapshot does not exist; 409 `CONFLICT` if it does not say which rows belong to which shard;
    /// if the store fails. A shard that fails, and a snapshot that cannot be restored, are part of
    /// the report.
    pub async fn drill(&self, id: Option<&str>) -> Result<DrillReport, LunoraError> {
        self.refuse_open_restore().await?;
        let mut claim = self.claim_drill().await?;
        let drilled = self.drill_claimed(id, &mut claim).await;
        self.release_claim(claim).await;
        drilled
    }

    /// Runs the drill of the trigger. A failed drill fails the invocation.
    pub(crate) async fn run_scheduled_drill(&self) -> Result<(), LunoraError> {
        let DrillReport { id, problems, shards, of_shards, rows, .. } = self.drill(None).await?;
        if let Some(problem) = problems.first() {
            let message = format!("the drill of snapshot `{id}` failed: {}", problem.to_text());
            return Err(LunoraError::new(Code::BackupDrillFailed, message));
        }
        log::info(&format!("backup drill {id}: {rows} rows in {shards} of {of_shards} shards"));
        Ok(())
    }

    async fn drill_claimed(
        &self,
        id: Option<&str>,
        claim: &mut Claim,
    ) -> Result<DrillReport, LunoraError> {
        let manifest = self.drilled_manifest(id).await?;
        if !manifest.knows_shards() && manifest.rows > 0 {
            let problem = "it does not say which rows belong to which shard";
            return Err(damaged(&manifest.id, problem));
        }
        let before = self.drill_state().await?;
        let sample = Sample::of(&manifest, before.as_ref(), self.config.drill_shards());
        let mut drill = Drill::new(self, &manifest, &sample)?;
        let verified = drill.run(claim).await?;
        let Drill { mut problems, shards, rows, .. } = drill;
        if let Some(verified) = &verified
            && !verified.ok
        {
            let message = verified.problems.join("; ");
            problems.push(DrillProblem { shard_key: None, message });
        }
        problems.truncate(Self::DRILL_PROBLEMS);
        // The shard that failed must be proven first.
        let failed = problems.iter().find_map(|problem| problem.shard_key.clone());
        let ok = problems.is_empty();
        let report = DrillReport {
            id: manifest.id.clone(),
            ok,
            shards,
            of_shards: sample.of_shards,
            rows,
            next: failed.or_else(|| sample.next.clone().filter(|_| ok)),
            problems,
        };
        if let Some(verified) = &verified {
            let drilled =
                Drilled { drilled_at: self.now(), drilled_shards: shards, drilled_rows: rows };
            self.prove(&manifest, verified, Some(drilled).filter(|_| ok), ok).await;
        } else {
            self.unprove_drill(&manifest).await;
        }
        self.note_drill(&report, before).await?;
        Ok(report)
    }

    /// Returns the manifest of the snapshot to drill.
    async fn drilled_manifest(&self, id: Option<&str>) -> Result<Manifest, LunoraError> {
        let newest = match id {
            Some(id) => return self.get(id).await,
            None => self.list().await?.into_iter().find(|summary| self.is_own_snapshot(summary)),
        };
        let newest = newest.ok_or_else(|| {
            let message = "there is no snapshot to drill: take one first";
            LunoraError::new(Code::StorageObjectNotFound, message)
        })?;
        let key = SnapshotName::manifest_of(&newest.file);
        self.manifest(&key).await?.ok_or_else(|| missing(&newest.id))
    }
}

/// The shards that one drill restores.
struct Sample {
    keys: HashSet<String>,
    of_shards: u64,
    /// The shard after the last one of the sample.
    next: Option<String>,
}

impl Sample {
    /// Chooses shards in the order of their keys, from where the previous drill ended.
    fn of(manifest: &Manifest, before: Option<&DrillState>, most: u32) -> Self {
        let lines = manifest.shards.iter().map(|shard| (&*shard.shard_key, shard.lines()));
        let shards: BTreeMap<&str, u64> = sort::map(lines.filter(|(_, lines)| *lines > 0));
        let from = before.and_then(|state| state.next.as_deref()).unwrap_or_default();
        let order = shards.range(from..).chain(shards.range(..from));
        let (mut keys, mut lines, mut next) = (HashSet::new(), 0_u64, None);
        for (key, count) in order {
            let is_full = keys.len() as u64 >= u64::from(most.max(1));
            if is_full || (lines >= Backups::DRILL_LINES && !keys.is_empty()) {
                next = Some((*key).to_owned());
                break;
            }
            lines = lines.saturating_add(*count);
            keys.insert((*key).to_owned());
        }
        Self { keys, of_shards: shards.len() as u64, next }
    }
}

/// A drill in progress.
struct Drill<'a> {
    backups: &'a Backups,
    manifest: &'a Manifest,
    sample: &'a Sample,
    targets: Targets,
    scratch: Option<Scratch<'a>>,
    lines: u64,
    problems: Vec<DrillProblem>,
    shards: u64,
    rows: u64,
    /// Set if the scratch shard failed: no other shard could be restored into it.
    stopped: bool,
}

impl<'a> Drill<'a> {
    fn new(
        backups: &'a Backups,
        manifest: &'a Manifest,
        sample: &'a Sample,
    ) -> Result<Self, LunoraError> {
        Ok(Self {
            backups,
            manifest,
            sample,
            targets: Targets::new(manifest)?,
            scratch: None,
            lines: 0,
            problems: Vec::new(),
            shards: 0,
            rows: 0,
            stopped: false,
        })
    }

    /// Reads the snapshot once; `None` if a shard failed and the rest was not read.
    async fn run(&mut self, claim: &mut Claim) -> Result<Option<Verification>, LunoraError> {
        let mut reading = Reading::of(self.manifest)?;
        let found = self.backups.config.store().get(&self.manifest.file).await;
        let Some(object) = found.map_err(unreadable)? else {
            let problem = format!("the object `{}` is missing", self.manifest.file);
            return reading.into_verification(self.manifest, Some(problem)).await.map(Some);
        };
        let mut lines = Lines::default();
        let mut pieces = object.body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(unreadable)?;
            reading.add(&piece).await?;
            for line in lines.cut(&piece) {
                self.line(line.as_deref().map_err(|error| *error), claim).await?;
            }
            self.step(async |scratch| scratch.send_due().await).await;
            if self.stopped {
                return Ok(None);
            }
            self.backups.renew_claim(claim, false).await?;
        }
        reading.end();
        if let Some(line) = lines.cut_rest() {
            self.line(line.as_deref().map_err(|error| *error), claim).await?;
        }
        self.end_shard(claim).await?;
        if self.stopped {
            return Ok(None);
        }
        reading.into_verification(self.manifest, None).await.map(Some)
    }

    async fn line(
        &mut self,
        line: Result<&[u8], &'static str>,
        claim: &mut Claim,
    ) -> Result<(), LunoraError> {
        if self.stopped {
            return Ok(());
        }
        if let Some(part) = self.targets.turn_to(self.lines) {
            let key = part.key.as_str().to_owned();
            let latest = match self.sample.keys.contains(&key) {
                true => Some(self.backups.latest(self.manifest, part).await),
                false => None,
            };
            self.end_shard(claim).await?;
            match latest {
                Some(Ok(latest)) if !self.stopped => {
                    match Scratch::begin(self.backups, &key, latest).await {
                        Ok(scratch) => self.scratch = Some(scratch),
                        Err(error) => self.fail(&key, &error),
                    }
                }
                Some(Err(error)) if error.code() == Code::Conflict.as_str() => {
                    self.problems.push(DrillProblem::of_shard(&key, error.message()));
                }
                Some(Err(error)) => return Err(error),
                _ => {}
            }
        }
        if self.targets.is_past(self.lines) {
            // Rows of global tables are counted with the snapshot, and belong into no shard.
            self.end_shard(claim).await?;
        }
        self.lines += 1;
        let number = self.lines;
        self.step(async |scratch| scratch.line(number, line).await).await;
        Ok(())
    }

    /// Applies `work` to the scratch shard, if it holds a shard of the sample.
    async fn step(&mut self, work: impl AsyncFnOnce(&mut Scratch<'a>) -> Result<(), LunoraError>) {
        if let Some(mut scratch) = self.scratch.take() {
            match work(&mut scratch).await {
                Ok(()) => self.scratch = Some(scratch),
                Err(error) => self.give_up(&scratch, &error).await,
            }
        }
    }

    /// Compares the current shard with its lines, and empties the scratch shard.
    async fn end_shard(&mut self, claim: &mut Claim) -> Result<(), LunoraError> {
        let Some(mut scratch) = self.scratch.take() else { return Ok(()) };
        self.backups.renew_claim(claim, false).await?;
        let shards = &self.manifest.shards;
        let expected = shards.iter().find(|shard| shard.shard_key == scratch.key);
        let found = match scratch.compare(expected, claim).await {
            Ok(found) => found,
            // Another drill holds the scratch shard by now.
            Err(error) if error.code() == Code::BackupInProgress.as_str() => return Err(error),
            Err(error) => {
                self.give_up(&scratch, &error).await;
                return Ok(());
            }
        };
        self.shards += 1;
        self.rows += found.rows;
        let problem = |message| DrillProblem::of_shard(&scratch.key, cut(message, 1000));
        self.problems.extend(found.problem.map(problem));
        if let Err(error) = self.backups.admin.empty_scratch().await {
            self.fail(&scratch.key, &error);
        }
        self.backups.renew_claim(claim, false).await
    }

    /// Gives up after a failure, and empties the scratch shard if it still responds.
    async fn give_up(&mut self, scratch: &Scratch<'_>, error: &LunoraError) {
        self.fail(&scratch.key, error);
        if let Err(error) = self.backups.admin.empty_scratch().await {
            log::warn(&format!(
                "the scratch shard of the drill was not emptied, and the next drill does so: {}",
                error.to_log_line()
            ));
        }
    }

    fn fail(&mut self, key: &str, error: &LunoraError) {
        self.stopped = true;
        self.problems.push(DrillProblem::of_shard(key, cut(error.message().to_owned(), 1000)));
    }
}
