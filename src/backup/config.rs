//! What a scheduled backup needs to know.

use std::{fmt, rc::Rc};

use typed_builder::TypedBuilder;

use super::Retention;
use crate::platform::{CronExpression, ObjectStore};

/// When to back up, and where to.
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
pub struct BackupConfig {
    /// The trigger that starts a backup. Required.
    cron: CronExpression,
    /// Where the snapshots go. Required; a bucket of R2 is such a store.
    #[builder(setter(transform = |store: impl ObjectStore| Rc::new(store) as Rc<dyn ObjectStore>))]
    store: Rc<dyn ObjectStore>,
    /// How many snapshots of this backup stay. Default: all.
    #[builder(default, setter(strip_option))]
    retain: Option<Retention>,
    /// What the snapshots' names begin with. Default: `backups/`.
    #[builder(default = "backups/".to_owned(), setter(into))]
    prefix: String,
    /// The tables to back up. Default: every one.
    #[builder(default, setter(transform = |tables: impl IntoIterator<Item = impl Into<String>>| Some(tables.into_iter().map(Into::into).collect())))]
    tables: Option<Vec<String>>,
}

impl BackupConfig {
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

    /// Where the snapshots go.
    #[must_use]
    pub fn store(&self) -> &Rc<dyn ObjectStore> {
        &self.store
    }
}

impl fmt::Debug for BackupConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupConfig")
            .field("cron", &self.cron)
            .field("retain", &self.retain)
            .field("prefix", &self.prefix)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}
