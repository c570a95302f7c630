//! The settings of a scheduled backup.

mod build;

use std::{fmt, rc::Rc, time::Duration};

use typed_builder::TypedBuilder;

use super::{PartSize, Retention};
use crate::platform::{CronExpression, ObjectStore};

/// The schedule, the store and the limits of a backup.
///
/// [`builder`](Self::builder) starts a configuration. `.cron(..)` and `.store(..)` are required:
/// without them `.build()` does not compile, and the compiler error names the missing setting. Each
/// setter can be called once:
///
/// | setter | sets | default |
/// |---|---|---|
/// | `cron` | the trigger that starts a backup, exactly as in `wrangler.jsonc` | required |
/// | `store` | the store of the snapshots; an R2 bucket is one | required |
/// | `retain` | the number of snapshots of this backup to keep | all |
/// | `drill` | the trigger that starts a drill, which restores the newest snapshot into a scratch shard and compares what it reads back ([`Backups::drill`](crate::backup::Backups::drill)) | none |
/// | `drill_shards` | the maximum number of shards of a snapshot that one drill restores, at least one; the next drill continues with the shards after them | 100 |
/// | `run_time` | the time that one invocation reads and writes before it leaves the rest of a run to another | 10 minutes, of the 15 that the platform gives a trigger |
/// | `run_calls` | the approximate number of calls to shards and to the store that one invocation makes before it leaves the rest | 5,000, of the 10,000 that the platform allows in a paid plan |
/// | `resume` | the trigger that continues a run that one invocation could not finish | none: the next time that `cron` fires |
/// | `prefix` | the prefix of the snapshots' names: a folder, with or without a trailing slash | `backups/` |
/// | `tables` | the tables to back up | every table, for which the shard registry must be able to list every shard |
/// | `allow_empty_registry` | accepts a registry without shards, for a deployment that is new or keeps all rows in the default shard | an error, since a registry that lost its entries looks the same |
/// | `part_size` | the size of the parts in which a large snapshot is written; one part is in memory at a time | 8 MiB, which lets a snapshot grow to 78 GiB |
/// | `page_rows` | the maximum number of rows that a shard reads for one page, before other calls have their turn | 5000 |
/// | `page_timeout` | the timeout for the first byte of a page from a shard, and between its chunks | 30 seconds |
///
/// ```
/// use lunora::{backup::BackupConfig, cron, keep, testing::MemoryObjectStore};
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
    /// Returns the same settings with the type of the store erased.
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
    /// Returns the trigger that starts a backup.
    #[must_use]
    pub fn cron(&self) -> &CronExpression {
        &self.cron
    }

    /// Returns the number of snapshots to keep; `None` for all.
    #[must_use]
    pub fn retain(&self) -> Option<Retention> {
        self.retain
    }

    /// Returns the trigger that starts a drill.
    #[must_use]
    pub fn drill(&self) -> Option<&CronExpression> {
        self.drill.as_ref()
    }

    /// Returns the maximum number of shards of a snapshot that one drill restores.
    #[must_use]
    pub fn drill_shards(&self) -> u32 {
        self.drill_shards
    }

    /// Returns the time that one invocation works on a run.
    #[must_use]
    pub fn run_time(&self) -> Duration {
        self.run_time
    }

    /// Returns the approximate number of calls that one invocation makes for a run.
    #[must_use]
    pub fn run_calls(&self) -> u32 {
        self.run_calls
    }

    /// Returns the trigger that continues an unfinished run.
    #[must_use]
    pub fn resume(&self) -> Option<&CronExpression> {
        self.resume.as_ref()
    }

    /// Returns the prefix of the snapshots' names.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the tables to back up; `None` for every table.
    #[must_use]
    pub fn tables(&self) -> Option<&[String]> {
        self.tables.as_deref()
    }

    /// Returns whether a registry without shards is accepted.
    #[must_use]
    pub fn allow_empty_registry(&self) -> bool {
        self.allow_empty_registry
    }

    /// Returns the size of the parts in which a large snapshot is written.
    #[must_use]
    pub fn part_size(&self) -> PartSize {
        self.part_size
    }

    /// Returns the maximum number of rows that a shard reads for one page.
    #[must_use]
    pub fn page_rows(&self) -> u32 {
        self.page_rows
    }

    /// Returns the timeout for the first byte of a page from a shard, and between its chunks.
    #[must_use]
    pub fn page_timeout(&self) -> Duration {
        self.page_timeout
    }

    /// Returns the store of the snapshots.
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

/// Normalizes a folder's name to a key prefix; empty for the root.
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
