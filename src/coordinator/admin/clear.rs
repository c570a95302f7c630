//! Empties tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use super::{AdminCall, ShardAdmin, read, unreadable_answer};
use crate::{
    coordinator::ShardFailure,
    errors::{Code, LunoraError},
    log,
    wire::ShardKey,
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
        #[derive(Serialize)]
        struct Args<'a> {
            limit: u32,
            table: &'a str,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Cleared {
            count: u64,
            has_more: bool,
        }

        let mut counts = BTreeMap::new();
        for table in tables {
            let call =
                AdminCall::repeatable("clearTable", &Args { limit: Self::CLEARED_AT_ONCE, table })?;
            let mut count: u64 = 0;
            loop {
                let answer = self.ask(shard, &call).await;
                let answer = answer.and_then(|result| read::<Cleared>(shard, &result));
                let cleared = answer.map_err(ShardFailure::into_error)?;
                count = count.saturating_add(cleared.count);
                if !cleared.has_more {
                    break;
                }
                if cleared.count == 0 {
                    let what = "nothing deleted, and the claim that there is more";
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
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Args {
            batch_size: u32,
            cursor: Option<String>,
            max_bytes: u32,
            tables: [&'static str; 0],
        }

        // A page of one row also has the number of the last change.
        let args = Args { batch_size: 1, cursor: None, max_bytes: 1, tables: [] };
        let call = AdminCall::repeatable("exportShard", &args)
            .map_err(|error| ShardFailure::logged(shard, &error, false))?;
        read(shard, &self.ask(shard, &call).await?)
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
        Ok(tables.map(|tables| tables.into_iter().map(|table| table.name).collect()))
    }

    /// Returns the tables of one shard with their counts of rows; `None` if the shard does not list
    /// them in a known form.
    pub(super) async fn table_infos(
        &self,
        shard: &ShardKey,
    ) -> Result<Option<Vec<TableInfo>>, ShardFailure> {
        #[derive(Serialize)]
        struct NoArgs {}
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Table {
            Name(String),
            Info(TableInfo),
        }

        let call = AdminCall::repeatable("listTables", &NoArgs {})
            .map_err(|error| ShardFailure::logged(shard, &error, false))?;
        let answer = match self.ask(shard, &call).await {
            Ok(answer) => answer,
            Err(failure) if failure.code == Code::UnknownAdminOp.as_str() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Ok(tables) = read::<Vec<Table>>(shard, &answer) else {
            log::warn(&format!("shard `{shard}` tells its tables in a form that is not known"));
            return Ok(None);
        };
        let infos = tables.into_iter().map(|table| match table {
            Table::Name(name) => TableInfo { name, row_count: Value::Null },
            Table::Info(info) => info,
        });
        Ok(Some(infos.collect()))
    }

    /// The maximum number of documents that a shard deletes in one call (docs/wire.md,
    /// "Operations of a shard").
    const CLEARED_AT_ONCE: u32 = 500;
}

/// A table of a shard.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TableInfo {
    pub(super) name: String,
    /// The number of documents that a query sees, if the shard counts them.
    #[serde(default)]
    row_count: Value,
}

impl TableInfo {
    pub(super) fn has_rows(&self) -> bool {
        self.row_count.as_f64().is_some_and(|rows| rows > 0.0)
    }
}

/// The beginning of an export.
#[derive(Deserialize)]
pub(super) struct FirstPage {
    #[serde(default)]
    rows: Vec<IgnoredAny>,
    #[serde(default)]
    seq: Option<u64>,
}

impl FirstPage {
    pub(super) fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }
}
