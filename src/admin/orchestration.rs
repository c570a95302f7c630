//! Operations across shards: migrations, ranks, traffic (docs/wire.md, "Across shards").

use futures::future::LocalBoxFuture;
use headers::CacheControl;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    coordinator::{
        MigrationOperation, MigrationRequest, RankPageRequest, RankRequest, SortDirection,
    },
    errors::LunoraError,
    message::Response,
    sort,
};

pub(crate) struct Orchestration;

impl AreaHandler for Orchestration {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "/_lunora/migrate" => migrate(&mut call).await,
                "rank" => rank(&mut call).await,
                "rankpage" => rank_page(&mut call).await,
                "shards" => shards(&call).await,
                "shard-traffic" => shard_traffic(&mut call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}

async fn migrate(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Migrate {
        table: String,
        function_path: String,
        args: Option<Box<RawValue>>,
    }

    let Migrate { table, function_path, args } = call.body("Migration").await?;
    let table = named("table", table)?;
    let operation = MigrationOperation::from_path(&function_path).ok_or_else(|| {
        LunoraError::bad_request(
            "`functionPath` must be `__lunora_admin__:runMigration` or `__lunora_admin__:migrationStatus`",
        )
    })?;
    let request = MigrationRequest::new(table, operation, object(args)?);
    json(&call.shard_admin()?.migrate(&request).await?)
}

async fn rank(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    let mut request: RankRequest = call.body("Rank").await?;
    request.table = named("table", request.table)?;
    request.index = named("index", request.index)?;
    request.row_id = named("rowId", request.row_id)?;
    json(&call.shard_admin()?.rank(&request).await?)
}

async fn rank_page(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        table: String,
        index: String,
        #[serde(default)]
        take: Option<f64>,
        #[serde(default)]
        cursor: Option<String>,
        #[serde(default)]
        partition_key: Option<String>,
        #[serde(default)]
        directions: Option<Vec<SortDirection>>,
    }

    let page: Page = call.body("Rank page").await?;
    let mut request =
        RankPageRequest::new(named("table", page.table)?, named("index", page.index)?)
            .cursor(page.cursor);
    if let Some(take) = page.take {
        request = request.take(RankPageRequest::bounded_take(take));
    }
    request.partition_key = page.partition_key;
    request.directions = page.directions.unwrap_or_default();
    json(&call.shard_admin()?.rank_page(&request).await?)
}

/// Lists every shard by its key, the default one first, without asking any of them.
async fn shards(call: &AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shards {
        default_shard_key: String,
        shard_keys: Vec<String>,
    }

    let default = call.host.default_shard_key();
    let mut keys = call.shard_admin()?.shards_holding(None).await?;
    sort::sort_by_key(&mut keys, |key| (key != default, key.clone()));
    json(&Shards {
        default_shard_key: default.as_str().to_owned(),
        shard_keys: keys.into_iter().map(String::from).collect(),
    })
}

async fn shard_traffic(call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Traffic {
        table: String,
    }

    let Traffic { table } = call.body("Shard-traffic").await?;
    json(&call.shard_admin()?.shard_traffic(&named("table", table)?).await?)
}

/// Checks that a name is not empty.
fn named(field: &str, value: String) -> Result<String, LunoraError> {
    if value.is_empty() {
        return Err(LunoraError::bad_request(format!("`{field}` must not be empty")));
    }
    Ok(value)
}

/// Returns the arguments as a JSON object; `{}` if there are none.
pub(super) fn object(args: Option<Box<RawValue>>) -> Result<Box<RawValue>, LunoraError> {
    match args {
        Some(args) if args.get().starts_with('{') => Ok(args),
        Some(_) => Err(LunoraError::bad_request("`args` must be an object")),
        None => RawValue::from_string("{}".to_owned()).map_err(LunoraError::internal),
    }
}

pub(super) fn json(report: &impl Serialize) -> Result<Response, LunoraError> {
    Ok(Response::json(report)?.with_typed(CacheControl::new().with_no_store()))
}
