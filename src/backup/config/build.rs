//! Readable compile errors for the required settings of a backup, and the defaults of the others.

use std::time::Duration;

use super::{BackupConfig, BackupConfigBuilder};
use crate::{
    backup::{PartSize, Retention},
    coordinator::ExportRequest,
    platform::{CronExpression, ObjectStore},
};

/// Implements `.build()` of a [`BackupConfig`], which fills in the defaults.
#[allow(clippy::type_complexity, reason = "one parameter a setter, each called or not")]
impl<
    Store,
    Cron,
    Place,
    Retain,
    Drill,
    DrillShards,
    RunTime,
    RunCalls,
    Resume,
    Prefix,
    Tables,
    AllowEmpty,
    Part,
    PageRows,
    PageTimeout,
>
    BackupConfigBuilder<
        Store,
        (
            Cron,
            Place,
            Retain,
            Drill,
            DrillShards,
            RunTime,
            RunCalls,
            Resume,
            Prefix,
            Tables,
            AllowEmpty,
            Part,
            PageRows,
            PageTimeout,
        ),
    >
{
    /// Returns the settings.
    pub fn build(self) -> BackupConfig<Store>
    where
        Cron: TriggerForBackup,
        Place: StoreForBackup<Store>,
        Retain: Field<Option<Retention>>,
        Drill: Field<Option<CronExpression>>,
        DrillShards: Field<u32>,
        RunTime: Field<Duration>,
        RunCalls: Field<u32>,
        Resume: Field<Option<CronExpression>>,
        Prefix: Field<String>,
        Tables: Field<Option<Vec<String>>>,
        AllowEmpty: Field<bool>,
        Part: Field<PartSize>,
        PageRows: Field<u32>,
        PageTimeout: Field<Duration>,
    {
        let (
            cron,
            store,
            retain,
            drill,
            drill_shards,
            run_time,
            run_calls,
            resume,
            prefix,
            tables,
            allow_empty_registry,
            part_size,
            page_rows,
            page_timeout,
        ) = self.fields;
        BackupConfig {
            cron: cron.into_trigger(),
            store: store.into_store(),
            retain: retain.or_else(|| None),
            drill: drill.or_else(|| None),
            drill_shards: drill_shards.or_else(|| 100),
            run_time: run_time.or_else(|| Duration::from_secs(10 * 60)),
            run_calls: run_calls.or_else(|| 5000),
            resume: resume.or_else(|| None),
            prefix: prefix.or_else(|| "backups/".to_owned()),
            tables: tables.or_else(|| None),
            allow_empty_registry: allow_empty_registry.or_else(|| false),
            part_size: part_size.or_else(PartSize::default),
            page_rows: page_rows.or_else(|| ExportRequest::default().page_rows),
            page_timeout: page_timeout.or_else(|| Duration::from_secs(30)),
        }
    }
}

/// A setting that may be omitted.
pub trait Field<T> {
    #[doc(hidden)]
    fn or_else(self, default: impl FnOnce() -> T) -> T;
}

impl<T> Field<T> for () {
    fn or_else(self, default: impl FnOnce() -> T) -> T {
        default()
    }
}

impl<T> Field<T> for (T,) {
    fn or_else(self, _: impl FnOnce() -> T) -> T {
        self.0
    }
}

/// Checks that the trigger was set.
#[diagnostic::on_unimplemented(
    message = "a backup needs the trigger that starts it, and none was set",
    label = "call `.cron(cron!(\"0 3 * * *\"))` before `.build()`",
    note = "it is one of `triggers.crons` in wrangler.jsonc; without one no snapshot would ever be taken"
)]
pub trait TriggerForBackup {
    #[doc(hidden)]
    fn into_trigger(self) -> CronExpression;
}

#[diagnostic::do_not_recommend]
impl TriggerForBackup for (CronExpression,) {
    fn into_trigger(self) -> CronExpression {
        self.0
    }
}

/// Checks that the store was set.
#[diagnostic::on_unimplemented(
    message = "a backup needs a store for its snapshots, and none was set",
    label = "call `.store(env.bucket(\"BACKUPS\")?)` before `.build()`",
    note = "a bucket of R2 is such a store; it is one of `r2_buckets` in wrangler.jsonc"
)]
pub trait StoreForBackup<Store> {
    #[doc(hidden)]
    fn into_store(self) -> Store;
}

#[diagnostic::do_not_recommend]
impl<Store: ObjectStore> StoreForBackup<Store> for (Store,) {
    fn into_store(self) -> Store {
        self.0
    }
}
