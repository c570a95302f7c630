//! The application whose rows are backed up: tokens that move between two tables.

use lunora::{platform::Bindings, prelude::*, shard::prelude::*};
use serde::{Deserialize, Serialize};

pub(crate) const TABLES: [&str; 2] = ["away", "held"];

/// The variable that says how many calls one invocation of a backup makes.
pub(crate) const RUN_CALLS: &str = "RUN_CALLS";
/// The trigger that goes on with a run.
pub(crate) const REST: &str = "*/10 * * * *";

const AWAY: Table<Token> = table!("away");
const HELD: Table<Token> = table!("held");

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Token {
    pub(crate) text: String,
}

lunora::shard! {
    /// Tokens, each in one of two tables.
    pub struct Vault;
    tables: [AWAY, HELD],
    functions: {
        query "tokens:all" => all,
        mutation "tokens:put" => put,
        mutation "tokens:move" => move_over,
        mutation "tokens:drop" => discard,
    },
    registry: "SHARD_REGISTRY",
    jurisdiction: Eu,
}

#[derive(Deserialize)]
struct Put {
    id: String,
    text: String,
}

/// Writes a token where it is.
fn put(ctx: &Mutation<'_>, Put { id, text }: Put) -> Result<(), LunoraError> {
    let token = Token { text };
    if ctx.db().get(AWAY, &id)?.is_some() {
        return ctx.db().replace(AWAY, &id, token).map(drop);
    }
    if ctx.db().get(HELD, &id)?.is_some() {
        return ctx.db().replace(HELD, &id, token).map(drop);
    }
    ctx.db().insert_with_id(HELD, id, token).map(drop)
}

#[derive(Deserialize)]
struct One {
    id: String,
}

/// Moves a token to the other table.
fn move_over(ctx: &Mutation<'_>, One { id }: One) -> Result<(), LunoraError> {
    for (from, to) in [(AWAY, HELD), (HELD, AWAY)] {
        if let Some(found) = ctx.db().get(from, &id)? {
            let token = Token::clone(&found);
            ctx.db().delete(from, &id)?;
            return ctx.db().insert_with_id(to, id, token).map(drop);
        }
    }
    Ok(())
}

fn discard(ctx: &Mutation<'_>, One { id }: One) -> Result<bool, LunoraError> {
    Ok(ctx.db().delete(AWAY, &id)? || ctx.db().delete(HELD, &id)?)
}

/// Every token as its table, id and text.
fn all(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<[String; 3]>, LunoraError> {
    let mut tokens = Vec::new();
    for (name, table) in TABLES.into_iter().zip([AWAY, HELD]) {
        let found = ctx.db().table(table).collect()?;
        tokens.extend(found.iter().map(|doc| [name.to_owned(), doc.id.clone(), doc.text.clone()]));
    }
    Ok(tokens)
}

/// Builds the Worker, on any platform.
pub(crate) fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
    let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
    let calls = env.var(RUN_CALLS).and_then(|calls| calls.parse().ok()).unwrap_or(5000);
    let backup = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(1))
        .page_rows(2)
        .run_calls(calls)
        .resume(cron!("*/10 * * * *"))
        .build();
    Ok(Lunora::builder_for::<E>()
        .shard_do(Vault::shards(env.durable_object("VAULT")?))
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(QueryCoordinator::new(registry))
        .allow_unauthenticated_shard_access()
        .backup(backup)
        .build())
}
