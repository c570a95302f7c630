//! A deployment to be backed up, destroyed and restored: notes, sharded by their folder, and users
//! in the default shard.

#![allow(missing_docs, reason = "`durable_object` writes methods without")]
#![allow(clippy::needless_pass_by_value, reason = "a function of a shard owns its arguments")]

mod bounds;
mod plans;

use std::time::Duration;

use futures::{Stream, stream};
use lunora::{
    backup::PartSize,
    coordinator::ShardRegistryObject,
    globals::DocumentTables,
    keep,
    platform::{Clock, CloudflareClock, SqlRegistryStorage},
    prelude::*,
    shard::{ScheduledCall, prelude::*},
    wire::value::Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use worker::{DurableObject, State, durable_object};

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
    let shard_timeout = bounds::setting(env, "DRILL_SHARD_TIMEOUT_MS").unwrap_or(30_000);
    let run_calls = bounds::setting(env, "DRILL_RUN_CALLS").and_then(|calls| calls.try_into().ok());
    let backup = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(2))
        .run_calls(run_calls.unwrap_or(5000))
        .resume(cron!("*/10 * * * *"))
        .part_size(PartSize::mebibytes(5).map_err(LunoraError::internal)?)
        .build();
    let daily = CronJob::function("daily", cron!("30 4 * * *"), "notes:add")
        .with_args(&Add { count: 1, bytes: 0, label: "daily".to_owned() })?
        .with_shard_key("daily".parse()?);
    let builder = Lunora::builder()
        .shard_do(Vault::shards(env.durable_object("VAULT")?))
        .allow_unauthenticated_shard_access()
        .resolve_identity(async |request, _env| credential(request).as_deref().and_then(user_of))
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(bounds::coordinator(env, registry))
        .sharding(Sharding::new().by("notes", "folder"))
        .backup(backup)
        .operator_page()
        .cron_job(daily)
        .functions(Vault::definition())
        .rest(Vault::definition())
        .cron_job(CronJob::function("fails", cron!("0 6 * * *"), "drill:fail"))
        .shard_timeout(Duration::from_millis(shard_timeout))
        .rate_limit(bounds::rate_limit(env))
        .route(route!("GET /memory"), async |_request, _env, _ctx| Response::text(bounds::memory()))
        .route(route!("GET /plans"), async |request, env, _ctx| plans::list(request, env).await)
        .route(route!("POST /ask"), async |request, env, ctx| bounds::ask(request, env, ctx).await);
    Ok(match env.d1(DATABASE) {
        Ok(database) => {
            builder.global_tables(DocumentTables::new(database).with(plans::PLANS)).build()
        }
        Err(_) => builder.build(),
    })
}

lunora::serve!(app);

/// The binding of a database, in the tests of global tables and in no other.
const DATABASE: &str = "DB";

/// The token in the URL, that of a bearer, or a session of a cookie.
fn credential(request: &Request) -> Option<String> {
    let header = || request.bearer().or_else(|| request.cookie("session")).map(str::to_owned);
    request.query("token").or_else(header)
}

/// `<name>:<expiry in milliseconds>` is that user, for as long.
fn user_of(token: &str) -> Option<Identity> {
    let (name, expiry) = token.split_once(':')?;
    Some(Identity::user(name).expires_at_ms(expiry.parse().ok()?))
}

/// A note, large where a drill wants many bytes.
#[derive(Deserialize, Serialize)]
pub struct Note {
    folder: String,
    text: String,
}

/// Any user.
#[derive(Deserialize, JsonSchema, Serialize)]
pub struct User {
    name: String,
}

const NOTES: Table<Note> = table!("notes").index("by_text", &["text"]).rank_index(
    "alphabet",
    &["folder"],
    &[("text", Direction::Asc)],
);
const USERS: Table<User> = table!("users").soft_delete();

/// Notes of a number of bytes each.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Add {
    count: u32,
    bytes: usize,
    label: String,
}

fn add(ctx: &Mutation<'_>, args: Add) -> Result<u32, LunoraError> {
    for number in 0..args.count {
        let text = format!("{} {number} {}", args.label, "ü".repeat(args.bytes / 2));
        ctx.db().insert(NOTES, Note { folder: ctx.shard_key().to_owned(), text })?;
    }
    Ok(args.count)
}

fn list(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Note>>, LunoraError> {
    ctx.db().table(NOTES).take(10_000)
}

/// Which note to take away.
#[derive(Deserialize, JsonSchema)]
struct Remove {
    id: String,
}

fn remove(ctx: &Mutation<'_>, args: Remove) -> Result<bool, LunoraError> {
    ctx.db().delete(NOTES, &args.id)
}

/// A value of the wire, read and written.
#[derive(Deserialize)]
struct Echo {
    value: Value,
}

fn echo(_: &Query<'_>, args: Echo) -> Result<Value, LunoraError> {
    Ok(args.value)
}

/// A number that a client may not be able to read.
#[derive(Deserialize)]
struct Beyond {
    n: u64,
}

fn beyond(_: &Query<'_>, args: Beyond) -> Result<(u64, f64), LunoraError> {
    Ok((args.n + 1, f64::NAN))
}

/// The notes that begin with the caller's name.
fn mine(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<String>, LunoraError> {
    let user = ctx.auth().require_user()?;
    let notes = ctx.db().table(NOTES).take(10_000)?;
    let texts = notes.into_iter().map(|note| note.value.text);
    Ok(texts.filter(|text| text.starts_with(user)).collect())
}

/// Fails by the server's fault, which its shard logs.
fn fail(_: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    Err(LunoraError::internal("a fault of the drill"))
}

/// Tears the instance down, with every object in it.
#[allow(clippy::panic, reason = "on purpose")]
async fn crash(_ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
    panic!("on purpose")
}

/// A write that crashes whenever it is tried.
#[allow(clippy::panic, reason = "on purpose")]
fn shatter(ctx: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    let note = Note { folder: ctx.shard_key().to_owned(), text: "never kept".to_owned() };
    ctx.db().insert(NOTES, note)?;
    panic!("on purpose")
}

/// Crashes once there are two notes, as a query with a fault in it does.
#[allow(clippy::panic, reason = "on purpose")]
fn fragile(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    match ctx.db().table(NOTES).count()? {
        2 => panic!("on purpose"),
        count => Ok(count),
    }
}

fn add_user(ctx: &Mutation<'_>, args: User) -> Result<Document<User>, LunoraError> {
    ctx.db().insert(USERS, args)
}

fn remove_user(ctx: &Mutation<'_>, args: Remove) -> Result<bool, LunoraError> {
    ctx.db().delete(USERS, &args.id)
}

fn underline(note: Note) -> Result<Option<Note>, LunoraError> {
    let text = format!("_{}_", note.text);
    Ok(Some(Note { text, ..note }))
}

fn drop_line(note: Note) -> Result<Option<Note>, LunoraError> {
    let text = note.text.trim_matches('_').to_owned();
    Ok(Some(Note { text, ..note }))
}

/// A client that said its name when it connected.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Presence {
    name: String,
}

const ONLINE: Table<Presence> = table!("online");

fn join(ctx: &Mutation<'_>, connection: Connection<Presence>) -> Result<(), LunoraError> {
    let Some(presence) = connection.context else { return Ok(()) };
    ctx.db().insert_with_id(ONLINE, connection.connection_id, presence).map(drop)
}

fn leave(ctx: &Mutation<'_>, connection: Connection<Presence>) -> Result<(), LunoraError> {
    ctx.db().delete(ONLINE, &connection.connection_id).map(drop)
}

fn online(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<String>, LunoraError> {
    let online = ctx.db().table(ONLINE).collect()?;
    Ok(online.into_iter().map(|presence| presence.name.clone()).collect())
}

/// A call of `notes:add`, or of an action that panics, after a time.
#[derive(Debug, Deserialize, JsonSchema)]
struct Later {
    label: String,
    ms: u64,
    #[serde(default)]
    crash: bool,
}

fn later(ctx: &Mutation<'_>, args: Later) -> Result<String, LunoraError> {
    let delay = Duration::from_millis(args.ms);
    if args.crash {
        return ctx.scheduler().run_after(delay, "drill:crash", &NoArgs {});
    }
    let one = Add { count: 1, bytes: 0, label: args.label };
    ctx.scheduler().run_after(delay, "notes:add", &one)
}

fn waiting(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<ScheduledCall>>, LunoraError> {
    ctx.db().table(SCHEDULED).collect()
}

/// Numbers to be sent, one after another.
#[derive(Debug, Deserialize, JsonSchema)]
struct Numbers {
    to: u32,
    /// The time before each of them.
    #[serde(rename = "everyMs")]
    every_ms: u64,
    /// The number at which the instance panics.
    #[serde(rename = "panicAt")]
    panic_at: Option<u32>,
}

/// Adds a note for each number before it is sent.
fn numbers(ctx: Action, args: Numbers) -> impl Stream<Item = Result<u32, LunoraError>> {
    let Numbers { to, every_ms, panic_at } = args;
    stream::unfold((ctx, 1), move |(ctx, number)| async move {
        if number > to {
            return None;
        }
        CloudflareClock.sleep(Duration::from_millis(every_ms)).await;
        assert_ne!(panic_at, Some(number), "on purpose");
        let one = Add { count: 1, bytes: 0, label: number.to_string() };
        let sent = ctx.run_mutation::<u32>("notes:add", &one).map(|_| number);
        Some((sent, (ctx, number + 1)))
    })
}

lunora::shard! {
    /// One folder of notes.
    pub struct Vault;
    tables: [NOTES, USERS, ONLINE, SCHEDULED],
    functions: {
        query "notes:list" => list,
        query "notes:mine" => mine,
        query "drill:beyond" => beyond,
        query "drill:echo" => echo,
        query "drill:fragile" => fragile,
        action "drill:crash" => crash,
        action "plans:addSeat" => plans::add_seat,
        mutation "drill:fail" => fail,
        mutation "drill:shatter" => shatter,
        query "bounds:blob" => bounds::blob,
        mutation "bounds:bloat" => bounds::bloat,
        action "bounds:bloatAction" => bounds::bloat_action,
        query "bounds:descend" => bounds::descend,
        mutation "bounds:dig" => bounds::dig,
        action "bounds:dive" => bounds::dive,
        query "bounds:lookups" => bounds::lookups,
        action "bounds:stall" => bounds::stall,
        mutation "notes:add" => add,
        mutation "notes:remove" => remove,
        mutation "users:add" => add_user,
        mutation "users:remove" => remove_user,
        query "online:list" => online,
        mutation "drill:later" => later,
        query "drill:waiting" => waiting,
        stream "drill:numbers" => numbers,
        shape "notes:all" => list,
        connect "online:join" => join,
        disconnect "online:leave" => leave,
    },
    migrations: { "underline" on NOTES => { up: underline, down: drop_line } },
    registry: "SHARD_REGISTRY",
    rest: {
        "GET /folders/{shardKey}/notes" => "notes:list" cache "public, max-age=30",
        "POST /folders/{shardKey}/notes" => "notes:add",
        "DELETE /folders/{shardKey}/notes/{id}" => "notes:remove",
        "GET /echo/{value}" => "drill:echo",
        "POST /users" => "users:add",
    },
}

/// Which folders there are.
#[durable_object(fetch)]
pub struct ShardRegistry {
    registry: ShardRegistryObject<SqlRegistryStorage>,
    /// The time before each answer, where a drill wants one.
    stall: Option<Duration>,
}

impl DurableObject for ShardRegistry {
    fn new(state: State, env: Env) -> Self {
        let registry = ShardRegistryObject::new(SqlRegistryStorage::new(state.storage().sql()));
        let stall = bounds::setting(&env, "DRILL_REGISTRY_STALLS_MS").map(Duration::from_millis);
        Self { registry, stall }
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        if let Some(stall) = self.stall {
            CloudflareClock.sleep(stall).await;
        }
        let request = request.try_into()?;
        self.registry.fetch(request).await.try_into()
    }
}
