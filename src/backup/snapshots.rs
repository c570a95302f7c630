//! Existing snapshots: listing them, reading them back, and verifying them.

use std::{collections::BTreeMap, fmt, rc::Rc};

use futures::StreamExt;

use super::{
    BackupConfig, Manifest, SnapshotName, SnapshotSummary,
    failure::{missing, unreadable},
    verification::{Reading, Verification},
};
#[cfg(feature = "admin")]
use crate::platform::StoredObject;
use crate::{
    coordinator::{ShardAdmin, Sharding},
    errors::LunoraError,
    message::Body,
    platform::{Clock, CloudflareClock, ListOptions, ObjectInfo, ObjectStore},
    sort,
};

/// The custom metadata key that names the trigger of a scheduled snapshot.
pub(super) const CRON_METADATA: &str = "lunoraBackupCron";

/// The largest manifest that is read.
const MAX_MANIFEST: usize = 16 * 1024 * 1024;

/// The snapshots of a deployment: taking, listing, verifying, restoring and pruning them.
///
/// A deployment with [`Builder::backup`](crate::builder::Builder::backup) provides them as
/// [`Lunora::backups`](crate::Lunora::backups), and takes one each time the trigger fires.
///
/// ```
/// use lunora::{
///     AdminToken, Response,
///     backup::{BackupConfig, Backups},
///     coordinator::{QueryCoordinator, ShardAdmin},
/// };
/// use lunora::{backup::BackupTrigger, coordinator::StaticShardRegistry, cron};
/// use lunora::testing::{ManualClock, MemoryNamespace, MemoryObjectStore};
///
/// # futures::executor::block_on(async {
/// let shards = MemoryNamespace::new(async |_address, _request| {
///     Response::raw_json(r#"{"result":{"rows":[{"table":"users","doc":{"_id":"u1"}}]}}"#)
/// });
/// let clock = ManualClock::new(0);
/// let coordinator = QueryCoordinator::new(StaticShardRegistry::new()).clock(clock.clone());
/// let admin = ShardAdmin::new(coordinator, shards, &AdminToken::new("nobody-guesses-this")?);
/// let config =
///     BackupConfig::builder().store(MemoryObjectStore::new()).cron(cron!("0 3 * * *")).allow_empty_registry(true).build();
///
/// let backups = Backups::new(config, admin).clock(clock.clone());
/// let snapshot = clock.run(backups.take(&BackupTrigger::manual(0))).await?;
/// assert_eq!(snapshot.file, "backups/lunora-backup-1970-01-01T00-00-00-000Z.ndjson");
/// assert!(backups.verify(&snapshot.id).await?.ok);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Backups {
    pub(super) config: BackupConfig,
    pub(super) admin: ShardAdmin,
    pub(super) clock: Rc<dyn Clock>,
    pub(super) sharding: Sharding,
    pub(super) deployment: Option<String>,
}

impl Backups {
    /// Creates the snapshots with the settings `config`, of the shards that `admin` calls.
    #[must_use]
    pub fn new(config: BackupConfig<impl ObjectStore>, admin: ShardAdmin) -> Self {
        Self::over(config.erased(), admin)
    }

    pub(crate) fn over(config: BackupConfig, admin: ShardAdmin) -> Self {
        let admin = admin.per_shard_timeout(config.page_timeout());
        let (clock, sharding) = (Rc::new(CloudflareClock), Sharding::new());
        let deployment = admin.namespace_id();
        Self { config, admin, clock, sharding, deployment }
    }

    /// Sets where the rows of a snapshot go that does not name its shards; the default shard by
    /// default.
    #[must_use]
    pub fn sharding(mut self, sharding: Sharding) -> Self {
        self.sharding = sharding;
        self
    }

    /// Sets the clock that dates snapshots; by default the runtime's. Tests set another.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Rc::new(clock);
        self
    }

    pub(crate) fn with_clock(mut self, clock: Rc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the settings.
    #[must_use]
    pub fn config(&self) -> &BackupConfig {
        &self.config
    }

    /// Returns every snapshot under the prefix, newest first, those of other deployments included.
    ///
    /// A snapshot whose object is not the one that its manifest describes does not count. The
    /// summaries are in the metadata of the listed objects: only manifests of other writers, or of
    /// older versions, are read one by one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self) -> Result<Vec<SnapshotSummary>, LunoraError> {
        self.summaries(&self.objects().await?).await
    }

    /// Returns the snapshots among `objects`, newest first.
    pub(super) async fn summaries(
        &self,
        objects: &BTreeMap<String, ObjectInfo>,
    ) -> Result<Vec<SnapshotSummary>, LunoraError> {
        let mut summaries = Vec::new();
        for (key, manifest) in objects {
            let described = SnapshotName::object_of(key).and_then(|object| objects.get(object));
            if let Some(object) = described
                && let Some(summary) = self.summary(manifest).await?
                && summary.describes(object)
            {
                summaries.push(summary);
            }
        }
        sort::sort_by(&mut summaries, |a, b| b.id.cmp(&a.id));
        Ok(summaries)
    }

    /// Returns the summary of a listed manifest; reads the manifest if the metadata has none.
    pub(super) async fn summary(
        &self,
        manifest: &ObjectInfo,
    ) -> Result<Option<SnapshotSummary>, LunoraError> {
        match SnapshotSummary::of_object(manifest) {
            Some(summary) => Ok(Some(summary)),
            None => Ok(self.manifest(&manifest.key).await?.as_ref().map(Into::into)),
        }
    }

    /// Returns the objects of every snapshot whose keys begin with `prefix`: rows and manifests.
    #[cfg(feature = "admin")]
    pub(crate) async fn files(&self, prefix: &str) -> Result<Vec<ObjectInfo>, LunoraError> {
        let mut objects = self.objects().await?;
        let mut files = Vec::new();
        for manifest in self.list().await? {
            let name = SnapshotName::of_id(self.config.prefix(), &manifest.id);
            let both = [name.object, name.manifest];
            files.extend(both.into_iter().filter_map(|key| objects.remove(&key)));
        }
        files.retain(|file| file.key.starts_with(prefix));
        sort::sort_by(&mut files, |a, b| a.key.cmp(&b.key));
        Ok(files)
    }

    /// Returns an object of a snapshot, rows or manifest; `None` for any other key.
    #[cfg(feature = "admin")]
    pub(crate) async fn file(&self, key: &str) -> Result<Option<StoredObject>, LunoraError> {
        let Some(name) = SnapshotName::of_key(self.config.prefix(), key) else { return Ok(None) };
        if self.intact(&name).await?.is_none() {
            return Ok(None);
        }
        self.config.store().get(key).await.map_err(unreadable)
    }

    /// Returns the manifest of a snapshot.
    ///
    /// # Errors
    /// 404 `STORAGE_OBJECT_NOT_FOUND` if the snapshot does not exist; if the store fails.
    pub async fn get(&self, id: &str) -> Result<Manifest, LunoraError> {
        let name = SnapshotName::of_id(self.config.prefix(), id);
        self.manifest(&name.manifest).await?.ok_or_else(|| missing(id))
    }

    /// Returns the rows of a snapshot, as NDJSON.
    ///
    /// # Errors
    /// 404 `STORAGE_OBJECT_NOT_FOUND` if the snapshot does not exist; if the store fails.
    pub async fn read(&self, id: &str) -> Result<Body, LunoraError> {
        let manifest = self.get(id).await?;
        let found = self.config.store().get(&manifest.file).await.map_err(unreadable)?;
        found.map(|object| object.body).ok_or_else(|| missing(id))
    }

    /// Reads a whole snapshot and compares it with its manifest: size, digest, rows, rows of each
    /// table.
    ///
    /// A snapshot that is whole gets a small object beside its manifest that says so
    /// (`….ndjson.proof.json`), and [`status`](Self::status) reports the time of it.
    ///
    /// # Errors
    /// 404 `STORAGE_OBJECT_NOT_FOUND` if the snapshot does not exist; if the store fails. A damaged
    /// snapshot is not an error: the result says so.
    pub async fn verify(&self, id: &str) -> Result<Verification, LunoraError> {
        let manifest = self.get(id).await?;
        let found = self.verify_object(&manifest).await?;
        self.prove(&manifest, &found, None, true).await;
        Ok(found)
    }

    pub(super) async fn verify_object(
        &self,
        manifest: &Manifest,
    ) -> Result<Verification, LunoraError> {
        let mut reading = Reading::of(manifest)?;
        let Some(object) = self.config.store().get(&manifest.file).await.map_err(unreadable)?
        else {
            let problem = format!("the object `{}` is missing", manifest.file);
            return reading.into_verification(manifest, Some(problem)).await;
        };
        let mut pieces = object.body.into_large_pieces(Body::BULK);
        while let Some(piece) = pieces.next().await {
            reading.add(&piece.map_err(unreadable)?).await?;
        }
        reading.end();
        reading.into_verification(manifest, None).await
    }

    /// Returns the snapshot of this name, if it exists and looks whole without being read.
    pub(super) async fn intact(
        &self,
        name: &SnapshotName,
    ) -> Result<Option<Manifest>, LunoraError> {
        let Some(manifest) = self.manifest(&name.manifest).await? else { return Ok(None) };
        let object = self.config.store().head(&name.object).await.map_err(unreadable)?;
        let is_described = object.is_some_and(|object| manifest.describes(&object));
        Ok(is_described.then_some(manifest))
    }

    /// Returns a manifest; `None` if it is absent or unreadable.
    pub(super) async fn manifest(&self, key: &str) -> Result<Option<Manifest>, LunoraError> {
        let Some(object) = self.config.store().get(key).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let text = object.body.into_bytes(MAX_MANIFEST).await.map_err(unreadable)?;
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Returns every object of every snapshot, by its key.
    pub(super) async fn objects(&self) -> Result<BTreeMap<String, ObjectInfo>, LunoraError> {
        let prefix = SnapshotName::common_prefix(self.config.prefix());
        let mut objects = BTreeMap::new();
        let mut options = ListOptions::of(&prefix);
        loop {
            let page = self.config.store().list(options).await.map_err(unreadable)?;
            objects.extend(page.objects.into_iter().map(|object| (object.key.clone(), object)));
            match page.cursor {
                Some(cursor) => options = ListOptions::of(&prefix).with_cursor(cursor),
                None => return Ok(objects),
            }
        }
    }
}

impl Manifest {
    /// Returns whether the manifest describes this very object.
    pub(super) fn describes(&self, object: &ObjectInfo) -> bool {
        SnapshotSummary::from(self).describes(object)
    }
}

impl fmt::Debug for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backups").field("config", &self.config).finish_non_exhaustive()
    }
}
