//! Generated from lunora.toml and wrangler.jsonc; changes here are lost.
//!
//! To write it again: `cargo xtask codegen`

use lunora::prelude::*;
use lunora::shard::ShardClass;
use lunora::shard::{Table, table};

/// The table `notes`.
pub const NOTES: Table<crate::notes::Note> = table!("notes")
    .index("by_author", &["author"])
    .shard_by("folder");

/// Builds the application, once per isolate.
///
/// # Errors
/// Returns an error if a binding or a secret is missing.
pub fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(
        Lunora::builder()
            .shard_do(Folder::shards(env.durable_object("SHARD")?))
            .resolve_identity(crate::auth::identify)
            .authorize_shard(crate::auth::may_open)
            .query_coordinator(
                QueryCoordinator::new(
                    DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?),
                ),
            )
            .admin_token(AdminToken::from_env(env)?)
            .functions(Folder::definition())
            .rest(Folder::definition())
            .operator_page()
            .cron_job(
                CronJob::function("sweep", cron!("0 * * * *"), "notes:sweep")
                    .with_args(&serde_json::json!({ "keep" : 2 }))?
                    .on_each_shard_of("notes"),
            )
            .storage(lunora::operate::Storage::new("FILES", env.bucket("FILES")?))
            .backup(
                BackupConfig::builder()
                    .store(env.bucket("BACKUPS")?)
                    .cron(cron!("0 3 * * *"))
                    .retain(keep!(14))
                    .drill(cron!("0 5 * * SUN"))
                    .build(),
            )
            .build(),
    )
}

lunora::serve!(app);

lunora::shard! {
    /// The shards of this application.
    pub struct Folder;
    tables: [NOTES, lunora::shard::SCHEDULED],
    functions: {
        mutation "notes:add" => crate::notes::add,
        query "notes:list" => crate::notes::list,
        internal mutation "notes:sweep" => crate::notes::sweep,
    },
    registry: "SHARD_REGISTRY",
    rest: {
        "GET /folders/{shardKey}/notes" => "notes:list" cache "public, max-age=10",
    },
}

lunora::shard_registry! {
    /// Lists the shards.
    pub struct ShardRegistry;
}
