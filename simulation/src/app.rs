//! The application under the workload: documents with owners, some of them private.

use std::time::Duration;

use lunora::{
    coordinator::ShardRegistryObject,
    platform::{Bindings, SqlRegistryStorage},
    prelude::*,
    shard::prelude::*,
};
use serde::{Deserialize, Serialize};
use worker::{DurableObject, State, durable_object};

/// The text that `docs:fragile` crashes over.
pub(crate) const BOOM: &str = "boom";
/// The shard that the jobs write to.
pub(crate) const JOBS: &str = "jobs";

const DOCS: Table<Doc> = table!("docs").index("by_owner", &["owner"]);
/// A row for every write that was applied.
const LEDGER: Table<Entry> = table!("ledger").index("by_op", &["op"]);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Doc {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) private: bool,
    pub(crate) text: String,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Entry {
    op: String,
}

lunora::shard! {
    /// A folder of documents.
    pub struct Folder;
    tables: [DOCS, LEDGER, SCHEDULED],
    functions: {
        query "docs:get" => get,
        query "docs:mine" => mine,
        query "docs:public" => public,
        query "docs:of" => of,
        query "docs:recent" => recent,
        query "ops:page" => ops_page,
        query "docs:fragile" => fragile,
        query "ops:all" => ops,
        mutation "docs:put" => put,
        mutation "docs:remove" => remove,
        mutation "ops:promise" => promise,
        internal mutation "ops:keep" => keep,
        action "docs:crash" => crash,
        internal mutation "ticks:add" => tick,
    },
    registry: "SHARD_REGISTRY",
}

#[derive(Deserialize)]
struct Put {
    op: String,
    name: String,
    text: String,
    private: bool,
    /// Fails after everything was written.
    fails: bool,
}

fn put(ctx: &Mutation<'_>, args: Put) -> Result<String, LunoraError> {
    let owner = ctx.auth().require_user()?.to_owned();
    let Put { op, name, text, private, fails } = args;
    ctx.db().insert(LEDGER, Entry { op: op.clone() })?;
    let known = ctx.db().get(DOCS, &name)?;
    if known.as_ref().is_some_and(|doc| doc.owner != owner) {
        return Err(LunoraError::new(Code::Forbidden, "not your document"));
    }
    let doc = Doc { name: name.clone(), owner, private, text };
    match known {
        Some(_) => ctx.db().replace(DOCS, &name, doc)?,
        None => ctx.db().insert_with_id(DOCS, name, doc)?,
    };
    if fails {
        return Err(LunoraError::new(Code::Conflict, "on purpose"));
    }
    Ok(op)
}

#[derive(Deserialize)]
struct Remove {
    op: String,
    name: String,
}

fn remove(ctx: &Mutation<'_>, args: Remove) -> Result<bool, LunoraError> {
    let caller = ctx.auth().require_user()?.to_owned();
    ctx.db().insert(LEDGER, Entry { op: args.op })?;
    let known = ctx.db().get(DOCS, &args.name)?;
    match known {
        Some(doc) if doc.owner == caller => ctx.db().delete(DOCS, &args.name),
        _ => Ok(false),
    }
}

/// A write that has another one made later.
#[derive(Deserialize)]
struct Promise {
    op: String,
    ms: u64,
    /// Fails after everything was written.
    fails: bool,
    /// Takes it back in the same write.
    cancels: bool,
}

#[derive(Deserialize, Serialize)]
struct Keep {
    op: String,
}

fn promise(ctx: &Mutation<'_>, args: Promise) -> Result<(), LunoraError> {
    let keep = Keep { op: kept(&args.op) };
    ctx.db().insert(LEDGER, Entry { op: args.op })?;
    let id = ctx.scheduler().run_after(Duration::from_millis(args.ms), "ops:keep", &keep)?;
    if args.cancels && !ctx.scheduler().cancel(&id)? {
        return Err(LunoraError::new(Code::NotFound, "the call is not there"));
    }
    if args.fails {
        return Err(LunoraError::new(Code::Conflict, "on purpose"));
    }
    Ok(())
}

/// Names the write that a promise has made later.
pub(crate) fn kept(op: &str) -> String {
    format!("kept-{op}")
}

fn keep(ctx: &Mutation<'_>, Keep { op }: Keep) -> Result<(), LunoraError> {
    ctx.db().insert(LEDGER, Entry { op }).map(drop)
}

/// What a job leaves behind: one row per firing.
#[derive(Deserialize)]
struct Tick {}

fn tick(ctx: &Mutation<'_>, _: Tick) -> Result<(), LunoraError> {
    let op = format!("tick-{}", ctx.random_id());
    ctx.db().insert(LEDGER, Entry { op }).map(drop)
}

#[derive(Deserialize)]
struct Get {
    name: String,
    /// Makes the arguments large.
    #[serde(default, rename = "pad")]
    _pad: String,
}

/// Looks at the caller only where the document is private.
fn get(ctx: &Query<'_>, Get { name, .. }: Get) -> Result<Doc, LunoraError> {
    let doc = ctx.db().get(DOCS, &name)?;
    let doc = doc.ok_or_else(|| LunoraError::new(Code::NotFound, "no such document"))?;
    if doc.private && ctx.auth().user_id() != Some(&doc.owner) {
        return Err(LunoraError::new(Code::Forbidden, "not your document"));
    }
    Ok(Doc::clone(&doc))
}

fn mine(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Doc>, LunoraError> {
    let caller = ctx.auth().require_user()?;
    let docs = ctx.db().table(DOCS).index("by_owner").eq("owner", caller).collect()?;
    Ok(docs.iter().map(|doc| Doc::clone(doc)).collect())
}

fn public(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Doc>, LunoraError> {
    let docs = ctx.db().table(DOCS).collect()?;
    Ok(docs.iter().filter(|doc| !doc.private).map(|doc| Doc::clone(doc)).collect())
}

/// The public documents, the newest first.
fn recent(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<Document<Doc>>, LunoraError> {
    let mut docs = ctx.db().table(DOCS).order(Direction::Desc).collect()?;
    docs.retain(|doc| !doc.private);
    Ok(docs)
}

/// The first writes that were applied, as a page.
fn ops_page(ctx: &Query<'_>, _: NoArgs) -> Result<Page<Document<Entry>>, LunoraError> {
    ctx.db().table(LEDGER).page(&PageRequest { num_items: 12, ..PageRequest::default() })
}

#[derive(Deserialize)]
struct Of {
    owner: String,
}

/// Looks at the caller only where the owner has private documents.
fn of(ctx: &Query<'_>, Of { owner }: Of) -> Result<Vec<Doc>, LunoraError> {
    let docs = ctx.db().table(DOCS).index("by_owner").eq("owner", owner).collect()?;
    let may = |doc: &Doc| !doc.private || ctx.auth().user_id() == Some(&doc.owner);
    Ok(docs.iter().filter(|doc| may(doc)).map(|doc| Doc::clone(doc)).collect())
}

/// Crashes over one text, as a query with a fault in it does.
#[allow(clippy::panic, reason = "on purpose")]
fn fragile(ctx: &Query<'_>, args: Get) -> Result<Doc, LunoraError> {
    let doc = get(ctx, args)?;
    if doc.text == BOOM {
        panic!("on purpose");
    }
    Ok(doc)
}

/// Tears the instance down, with every object in it.
#[allow(clippy::panic, reason = "on purpose")]
async fn crash(_ctx: Action, _: NoArgs) -> Result<(), LunoraError> {
    panic!("on purpose")
}

fn ops(ctx: &Query<'_>, _: NoArgs) -> Result<Vec<String>, LunoraError> {
    let entries = ctx.db().table(LEDGER).collect()?;
    Ok(entries.iter().map(|entry| entry.op.clone()).collect())
}

/// Which folders there are.
#[durable_object(fetch)]
pub struct ShardRegistry {
    registry: ShardRegistryObject<SqlRegistryStorage>,
}

impl DurableObject for ShardRegistry {
    fn new(state: State, _env: Env) -> Self {
        let storage = SqlRegistryStorage::new(state.storage().sql());
        Self { registry: ShardRegistryObject::new(storage) }
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        let request: Request = request.try_into()?;
        self.registry.fetch(request).await.try_into()
    }
}

/// Builds the Worker, on any platform.
pub(crate) fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
    let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
    let backup = BackupConfig::builder()
        .store(env.bucket("BACKUPS")?)
        .cron(cron!("0 3 * * *"))
        .retain(keep!(2))
        .build();
    Ok(Lunora::builder_for::<E>()
        .shard_do(Folder::shards(env.durable_object("SHARD")?))
        .admin_token(AdminToken::from_env(env)?)
        .query_coordinator(QueryCoordinator::new(registry))
        .resolve_identity(async |request, _env| identify(request))
        .authorize_shard(async |access| access.identity.is_some())
        .cron_job(
            CronJob::function("ticks", cron!("*/5 * * * *"), "ticks:add")
                .with_shard_key(ShardKey::new(JOBS)?),
        )
        .backup(backup)
        .build())
}

/// Takes the name in the bearer token for the user: `user:ada`, or `user:ada:1700000000000` for
/// one that expires then.
fn identify(request: &Request) -> Option<Identity> {
    let token = request.bearer()?.strip_prefix("user:")?;
    Some(match token.split_once(':') {
        Some((user, expiry)) => Identity::user(user).expires_at_ms(expiry.parse().ok()?),
        None => Identity::user(token),
    })
}
