//! Empties tables.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{AdminCall, ShardAdmin, read, unreadable_answer};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    log,
    wire::{
        ShardKey,
        operation::{
            ClearTable, DeleteArgs, Deleted, ExportShard, ExportShardArgs, ExportShardPage,
            ListTables, NoArgs, TableInfo,
        },
    },
};

impl ShardAdmin {
    /// Deletes every document of these tables on one shard, and returns the number per table.
    ///
    /// # Errors
    /// If the shard fails, or times out; some documents may be deleted then.
    pub async fn clear(
        &self,
        shard: &ShardKey,
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, LunoraError> {
        let mut counts = BTreeMap::new();
        for table in tables {
            let call = AdminCall::of::<ClearTable>(&DeleteArgs {
                limit: Some(Self::CLEARED_AT_ONCE),
                table: table.into(),
                filters: None,
                search: None,
                after: None,
                ids: None,
            })?;
            let mut count: u64 = 0;
            loop {
                let answer = self.ask(shard, &call).await;
                let answer = answer.and_then(|result| read::<ClearTable, Deleted>(shard, &result));
                let cleared = answer.map_err(ShardFailure::into_error)?;
                count = count.saturating_add(cleared.count);
                if !cleared.has_more {
                    break;
                }
                if cleared.count == 0 {
                    let what = "no deletions, although it claims more rows";
                    return Err(unreadable_answer(shard, what).into_error());
                }
            }
            counts.insert(table.clone(), count);
        }
        Ok(counts)
    }

    /// Returns the position of the change feed of one shard; `None` if the shard does not report
    /// it.
    ///
    /// # Errors
    /// If the shard gives no answer.
    pub(crate) async fn change_cursor(&self, shard: &ShardKey) -> Result<Option<u64>, LunoraError> {
        let page = self.first_page(shard).await;
        Ok(page.map_err(ShardFailure::into_error)?.seq)
    }

    /// Reads an export page of one row.
    pub(super) async fn first_page(&self, shard: &ShardKey) -> Result<FirstPage, ShardFailure> {
        // A page of one row also has the number of the last change.
        let args = ExportShardArgs {
            batch_size: Some(1),
            cursor: Some(None),
            max_bytes: Some(1),
            tables: Some(Cow::Borrowed(&[])),
        };
        let call = AdminCall::of::<ExportShard>(&args)
            .map_err(|error| ShardFailure::logged(shard, &error, false))?;
        read::<ExportShard, _>(shard, &self.ask(shard, &call).await?)
    }

    /// Returns the tables of one shard; `None` if the shard does not list them in a known form.
    ///
    /// # Errors
    /// If the shard gives no answer.
    pub(crate) async fn tables(
        &self,
        shard: &ShardKey,
    ) -> Result<Option<Vec<String>>, LunoraError> {
        let tables = self.table_infos(shard).await.map_err(ShardFailure::into_error)?;
        Ok(tables.map(|tables| tables.into_iter().map(|table| table.name.into_owned()).collect()))
    }

    /// Returns the tables of one shard with their counts of rows; `None` if the shard does not list
    /// them in a known form.
    pub(super) async fn table_infos(
        &self,
        shard: &ShardKey,
    ) -> Result<Option<Vec<TableInfo>>, ShardFailure> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Table {
            Name(String),
            Info(TableInfo),
        }

        let call = AdminCall::of::<ListTables>(&NoArgs {})
            .map_err(|error| ShardFailure::logged(shard, &error, false))?;
        let answer = match self.ask(shard, &call).await {
            Ok(answer) => answer,
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Ok(tables) = read::<ListTables, Vec<Table>>(shard, &answer) else {
            log::warn(&format!("shard `{shard}` lists its tables in an unknown form"));
            return Ok(None);
        };
        let infos = tables.into_iter().map(|table| match table {
            Table::Name(name) => TableInfo { name: name.into(), row_count: Value::Null },
            Table::Info(info) => info,
        });
        Ok(Some(infos.collect()))
    }

    /// The maximum number of documents that a shard deletes in one call (docs/wire.md,
    /// "Operations of a shard").
    const CLEARED_AT_ONCE: u64 = 500;
}

impl TableInfo {
    pub(super) fn has_rows(&self) -> bool {
        self.row_count.as_f64().is_some_and(|rows| rows > 0.0)
    }
}

/// The beginning of an export.
pub(super) type FirstPage = ExportShardPage<Vec<IgnoredAny>>;

impl FirstPage {
    pub(super) fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }
}
