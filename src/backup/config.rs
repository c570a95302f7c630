//! What a scheduled backup needs to know.

mod build;

use std::{fmt, rc::Rc, time::Duration};

use typed_builder::TypedBuilder;

use super::{PartSize, Retention};
use crate::platform::{CronExpression, ObjectStore};

/// When to back up, and where to.
///
/// [`builder`](Self::builder) begins one. `.cron(..)` and `.store(..)` are required; without them
/// `.build()` does not compile, and says so. Each setter can be called once:
///
/// | setter | sets | default |
/// |---|---|---|
/// | `cron` | the trigger that starts a backup, as it stands in `wrangler.jsonc` | required |
/// | `store` | where the snapshots go; a bucket of R2 is such a store | required |
/// | `retain` | how many snapshots of this backup stay | all |
/// | `drill` | the trigger that starts a drill, which restores the newest snapshot into a scratch shard and compares what it reads back ([`Backups::drill`](crate::Backups::drill)) | none |
/// | `drill_shards` | the most shards of a snapshot that one drill restores, one at least; the next drill goes on with the shards after them | 100 |
/// | `run_time` | how long one invocation reads and writes, before it leaves the rest of a run to another | 10 minutes, of the 15 that the platform gives a trigger |
/// | `run_calls` | how many calls to shards and to the store one invocation makes, about, before it leaves the rest | 5,000, of the 10,000 that the platform allows in a paid plan |
/// | `resume` | the trigger that goes on with a run that one invocation could not finish | none: the next time that `cron` fires |
/// | `prefix` | what the snapshots' names begin with: a folder, whether a slash ends it or not | `backups/` |
/// | `tables` | the tables to back up | every one, for which the shard registry must be able to list every shard |
/// | `allow_empty_registry` | whether a registry without shards is a deployment whose rows are all in the default shard, or that is new | an error, since a registry that lost its entries looks alike |
/// | `part_size` | the size of the parts in which a large snapshot is written; one is in memory at a time | 8 MiB, which lets a snapshot grow to 78 GiB |
/// | `page_rows` | the most rows that a shard reads for one page, before other calls have their turn | 5000 |
/// | `page_timeout` | how long a shard may take for one page of its rows, or for more of it | 30 seconds |
///
/// ```
/// use lunora::{BackupConfig, cron, keep, testing::MemoryObjectStore};
///
/// let backup = BackupConfig::builder()
///     .store(MemoryObjectStore::new())
///     .cron(cron!("0 3 * * *"))
///     .retain(keep!(14))
///     .build();
/// assert_eq!(backup.cron().as_str(), "0 3 * * *");
/// ```
#[derive(Clone, TypedBuilder)]
#[builder(build_method(vis = "", name = from_every_field))]
pub struct BackupConfig<Store = Rc<dyn ObjectStore>> {
    cron: CronExpression,
    store: Store,
    #[builder(setter(strip_option))]
    retain: Option<Retention>,
    #[builder(setter(strip_option))]
    drill: Option<CronExpression>,
    drill_shards: u32,
    run_time: Duration,
    run_calls: u32,
    #[builder(setter(strip_option))]
    resume: Option<CronExpression>,
    #[builder(setter(transform = |prefix: impl AsRef<str>| normalized(prefix.as_ref())))]
    prefix: String,
    #[builder(setter(transform = |tables: impl IntoIterator<Item = impl Into<String>>| Some(tables.into_iter().map(Into::into).collect::<Vec<_>>()).filter(|tables| !tables.is_empty())))]
    tables: Option<Vec<String>>,
    allow_empty_registry: bool,
    part_size: PartSize,
    page_rows: u32,
    page_timeout: Duration,
}

impl<Store: ObjectStore> BackupConfig<Store> {
    /// Returns the same settings over a store of a type that is not told.
    pub(crate) fn erased(self) -> BackupConfig {
        BackupConfig {
            cron: self.cron,
            store: Rc::new(self.store),
            retain: self.retain,
            drill: self.drill,
            drill_shards: self.drill_shards,
            run_time: self.run_time,
            run_calls: self.run_calls,
            resume: self.resume,
            prefix: self.prefix,
            tables: self.tables,
            allow_empty_registry: self.allow_empty_registry,
            part_size: self.part_size,
            page_rows: self.page_rows,
            page_timeout: self.page_timeout,
        }
    }
}

impl<Store> BackupConfig<Store> {
    /// The trigger that starts a backup.
    #[must_use]
    pub fn cron(&self) -> &CronExpression {
        &self.cron
    }

    /// How many snapshots stay; `None` for all.
    #[must_use]
    pub fn retain(&self) -> Option<Retention> {
        self.retain
    }

    /// Returns the trigger that starts a drill.
    #[must_use]
    pub fn drill(&self) -> Option<&CronExpression> {
        self.drill.as_ref()
    }

    /// Returns the most shards of a snapshot that one drill restores.
    #[must_use]
    pub fn drill_shards(&self) -> u32 {
        self.drill_shards
    }

    /// Returns how long one invocation works on a run.
    #[must_use]
    pub fn run_time(&self) -> Duration {
        self.run_time
    }

    /// Returns how many calls one invocation makes for a run, about.
    #[must_use]
    pub fn run_calls(&self) -> u32 {
        self.run_calls
    }

    /// Returns the trigger that goes on with a run that is not finished.
    #[must_use]
    pub fn resume(&self) -> Option<&CronExpression> {
        self.resume.as_ref()
    }

    /// What the snapshots' names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The tables to back up; `None` for every one.
    #[must_use]
    pub fn tables(&self) -> Option<&[String]> {
        self.tables.as_deref()
    }

    /// Whether a registry without shards is no error.
    #[must_use]
    pub fn allow_empty_registry(&self) -> bool {
        self.allow_empty_registry
    }

    /// The size of the parts in which a large snapshot is written.
    #[must_use]
    pub fn part_size(&self) -> PartSize {
        self.part_size
    }

    /// Returns the most rows that a shard reads for one page.
    #[must_use]
    pub fn page_rows(&self) -> u32 {
        self.page_rows
    }

    /// How long a shard may take for one page of its rows, or for more of it.
    #[must_use]
    pub fn page_timeout(&self) -> Duration {
        self.page_timeout
    }

    /// Where the snapshots go.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl<Store> fmt::Debug for BackupConfig<Store> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupConfig")
            .field("cron", &self.cron)
            .field("retain", &self.retain)
            .field("drill", &self.drill)
            .field("drill_shards", &self.drill_shards)
            .field("run_time", &self.run_time)
            .field("run_calls", &self.run_calls)
            .field("resume", &self.resume)
            .field("prefix", &self.prefix)
            .field("tables", &self.tables)
            .field("allow_empty_registry", &self.allow_empty_registry)
            .field("part_size", &self.part_size)
            .field("page_rows", &self.page_rows)
            .field("page_timeout", &self.page_timeout)
            .finish_non_exhaustive()
    }
}

/// A folder's name as keys begin with it; empty for the root.
fn normalized(prefix: &str) -> String {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() { String::new() } else { [prefix, "/"].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_however_it_is_written() {
        for prefix in ["nightly", "nightly/", "/nightly/", "//nightly"] {
            assert_eq!(normalized(prefix), "nightly/");
        }
        assert_eq!(normalized("a/b"), "a/b/");
        assert_eq!(normalized("/"), "");
    }
}
