//! The smallest Worker of lunora, to be weighed, and a feature for each part that can be added.

use lunora::prelude::*;

#[cfg(not(feature = "backup"))]
fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let builder = Lunora::builder().shard_do(env.durable_object("SHARD")?);
    #[cfg(feature = "fan-out")]
    let builder = builder.query_coordinator(QueryCoordinator::new(registry(env)?));
    Ok(builder.build())
}

#[cfg(feature = "backup")]
fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let nightly = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(14))
        .build();
    Ok(Lunora::builder()
        .shard_do(<shard::Room as lunora::shard::ShardClass>::shards(env.durable_object("SHARD")?))
        .query_coordinator(QueryCoordinator::new(registry(env)?))
        .admin_token(AdminToken::from_env(env)?)
        .backup(nightly)
        .build())
}

lunora::serve!(app);

#[cfg(feature = "fan-out")]
fn registry(env: &Env) -> Result<lunora::coordinator::DurableShardRegistry, LunoraError> {
    Ok(lunora::coordinator::DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?))
}

#[cfg(feature = "shard")]
mod shard {
    use lunora::shard::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Deserialize, Serialize)]
    struct Message {
        text: String,
    }

    const MESSAGES: Table<Message> = table!("messages");

    fn send(ctx: &Mutation<'_>, message: Message) -> Result<Document<Message>, LunoraError> {
        ctx.db().insert(MESSAGES, message)
    }

    fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Message>>, LunoraError> {
        ctx.db().table(MESSAGES).take(50)
    }

    lunora::shard! {
        /// One room.
        pub struct Room;
        tables: [MESSAGES],
        functions: {
            query "messages:list" => list,
            mutation "messages:send" => send,
        },
        registry: "SHARD_REGISTRY",
    }

    lunora::shard_registry! {
        /// Knows the rooms.
        pub struct ShardRegistry;
    }
}
