//! `runMigration` and `migrationStatus`.

use serde::{Deserialize, Serialize};

use crate::{
    errors::{Code, LunoraError},
    platform::SqlCell,
    shard::{
        caller::Caller,
        database::{Database, cells, count, malformed, text, to_count, to_text},
        db::fields::{DELETED_AT, Fields, System},
        db::{
            fields::CREATION_TIME,
            key,
            keyset::{OrderBy, beyond, order_sql, position_columns, read_position},
            own_fields, read_cursor, write_cursor,
        },
        instance::Inner,
        migration::{Migration, Step, Work},
        run::Run,
        schema,
    },
    wire::{
        Direction,
        operation::{AnswerOf, ArgsOf, MigrationStatus, RunMigration},
    },
};

impl ArgsOf<RunMigration> for RunArgs {}
impl AnswerOf<RunMigration> for State {}
impl ArgsOf<MigrationStatus> for StatusArgs {}
impl AnswerOf<MigrationStatus> for Status {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunArgs {
    id: Option<String>,
    #[serde(default)]
    direction: Way,
    #[serde(default)]
    dry_run: bool,
    batch_size: Option<u32>,
    max_batches: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct StatusArgs {
    id: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    #[default]
    Up,
    Down,
}

#[derive(Clone, Copy, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Completed,
    Failed,
    InProgress,
}

/// The progress of a migration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    changed: u64,
    cursor: Option<String>,
    direction: Way,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    error: Option<String>,
    id: String,
    processed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<u64>,
    status: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<u64>,
}

/// One migration, or every one that the shard has.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Status {
    One(State),
    All(Vec<State>),
}

const BATCH_SIZE: u32 = 100;
const MAX_BATCH_SIZE: u32 = 1000;
/// The maximum number of batches per call: a busy object answers no other caller.
const MAX_BATCHES: u32 = 1000;

/// Runs or resumes a migration. Each batch is a transaction that includes the progress of the
/// migration: finished batches stay, whatever happens in between.
pub(super) fn run(shard: &Inner, args: &RunArgs) -> Result<State, LunoraError> {
    let migration = find(shard, args.id.as_deref())?;
    let part = Part::of(migration, args.direction)?;
    let size = args.batch_size.unwrap_or(BATCH_SIZE).clamp(1, MAX_BATCH_SIZE);
    let batches = args.max_batches.unwrap_or(MAX_BATCHES).clamp(1, MAX_BATCHES);
    let fresh = State::new(migration.id, args.direction);
    let mut state = if args.dry_run {
        State { dry_run: Some(true), ..fresh }
    } else {
        let stored = read(&shard.state.database, migration.id)?
            .filter(|state| state.direction == args.direction);
        State { dry_run: Some(false), error: None, ..stored.unwrap_or(fresh) }
    };
    if state.status == Outcome::Completed {
        return Ok(state);
    }
    state.status = Outcome::InProgress;
    for _ in 0..batches {
        let before = (state.cursor.clone(), state.processed, state.changed);
        let done = shard.transact(&Caller::default(), 0, |run| {
            let done = part.run(run, &mut state, size, args.dry_run)?;
            if done {
                state.status = Outcome::Completed;
            }
            if !args.dry_run {
                write(run, &mut state)?;
                if args.direction == Way::Down {
                    schema::forget_version(&run.state.database)?;
                }
            }
            Ok(done)
        });
        match done {
            Ok(true) => break,
            Ok(false) => {}
            // The shard is announced first, and the operation runs again.
            Err(error) if shard.announcement.is_wanted() => return Err(error),
            Err(error) => {
                (state.cursor, state.processed, state.changed) = before;
                state.status = Outcome::Failed;
                state.error = Some(error.to_body().error.message.into_owned());
                crate::log::error(&format!(
                    "the migration {:?} failed: {}",
                    migration.id,
                    error.to_log_line()
                ));
                if !args.dry_run {
                    shard.transact(&Caller::default(), 0, |run| write(run, &mut state))?;
                }
                break;
            }
        }
    }
    Ok(state)
}

pub(super) fn status(shard: &Inner, args: &StatusArgs) -> Result<Status, LunoraError> {
    let of = |migration: &Migration| {
        let state = read(&shard.state.database, migration.id)?;
        Ok(state.unwrap_or_else(|| State::new(migration.id, Way::Up)))
    };
    match args.id.as_deref() {
        Some(id) => of(find(shard, Some(id))?).map(Status::One),
        None => {
            let all: Result<Vec<State>, LunoraError> =
                shard.definition.migrations.iter().map(of).collect();
            all.map(Status::All)
        }
    }
}

fn find<'a>(shard: &'a Inner, id: Option<&str>) -> Result<&'a Migration, LunoraError> {
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| {
        LunoraError::new(Code::MigrationIdRequired, "say which migration: {\"id\": …}")
    })?;
    shard.definition.migrations.iter().find(|migration| migration.id == id).ok_or_else(|| {
        let message = format!("the shard has no migration {id:?}");
        LunoraError::new(Code::MigrationNotFound, message)
    })
}

/// What one direction of a migration does.
enum Part<'a> {
    Step(&'static str, &'a Step),
    Drop(&'static str),
}

impl<'a> Part<'a> {
    fn of(migration: &'a Migration, direction: Way) -> Result<Self, LunoraError> {
        match (&migration.work, direction) {
            (Work::Documents { table, up, .. }, Way::Up) => Ok(Self::Step(table, up)),
            (Work::Documents { table, down: Some(down), .. }, Way::Down) => {
                Ok(Self::Step(table, down))
            }
            (Work::Drop(name), Way::Up) => Ok(Self::Drop(name)),
            (_, Way::Down) => Err(LunoraError::bad_request(format!(
                "the migration {:?} cannot be undone",
                migration.id
            ))),
        }
    }

    /// Does the next part of it; `true` after the last.
    fn run(
        &self,
        run: &Run<'_>,
        state: &mut State,
        size: u32,
        dry_run: bool,
    ) -> Result<bool, LunoraError> {
        match self {
            Self::Step(table, step) => batch(run, table, step, state, size, dry_run),
            Self::Drop(name) => drop_table(run, name, state, dry_run).map(|()| true),
        }
    }
}

/// Drops a table, and counts its documents. An index, `table.index`, was dropped when the shard was opened.
fn drop_table(
    run: &Run<'_>,
    name: &str,
    state: &mut State,
    dry_run: bool,
) -> Result<(), LunoraError> {
    let database = &run.state.database;
    let known = "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?";
    if name.contains('.') || database.exec_value(known, &[text(name)])?.is_none() {
        return Ok(());
    }
    let documents = database.exec_value(&format!("SELECT COUNT(*) FROM \"{name}\""), &[])?;
    let documents = to_count(documents.as_ref());
    if !dry_run {
        database.exec(&format!("DROP TABLE \"{name}\""), &[])?;
    }
    (state.processed, state.changed) = (documents, documents);
    Ok(())
}

/// Takes the next documents through the step; `true` after the last. Documents that are marked as
/// deleted are included, because an export has them.
fn batch(
    run: &Run<'_>,
    table: &str,
    step: &Step,
    state: &mut State,
    size: u32,
    dry_run: bool,
) -> Result<bool, LunoraError> {
    let table = run.state.table(table)?;
    let by = |expression| OrderBy { expression, direction: Direction::Asc };
    let order = [by(key::expression(CREATION_TIME)), by("\"_id\"".to_owned())];
    let (mut filter, mut values) = ("1".to_owned(), Vec::new());
    if let Some(cursor) = &state.cursor {
        let position = read_cursor(cursor).filter(|position| position.len() == order.len());
        let position = position.ok_or_else(|| malformed("_lunora_migrations"))?;
        (filter, values) = beyond(&order, &position, true);
    }
    let sql = format!(
        "SELECT \"_id\",{} FROM \"{}\" WHERE {filter} ORDER BY {} LIMIT {size}",
        position_columns(&order),
        table.name,
        order_sql(&order),
    );
    let rows = run.state.database.exec(&sql, &cells(&values))?.rows;
    let done = rows.len() < usize::try_from(size).unwrap_or(usize::MAX);
    for row in rows {
        let mut row = row.into_iter();
        let id = row.next().and_then(to_text).ok_or_else(|| malformed(table.name))?;
        let position = read_position(row).ok_or_else(|| malformed(table.name))?;
        let Some(stored) = run.state.stored(&table, &id)? else { continue };
        if let Some(new) = step(&stored.json)? {
            let mut fields = Fields::parse(&new).unwrap_or_default();
            // The new shape may include the fields of the shard.
            for system in ["_id", CREATION_TIME, DELETED_AT] {
                fields.remove(system);
            }
            let new = fields.to_object();
            let fields = own_fields(&table, &new)?;
            if !dry_run {
                let (creation_time, deleted_at) = (stored.creation_time, stored.deleted_at);
                run.put(
                    &table,
                    &fields,
                    System { id: &id, creation_time, deleted_at },
                    Some(&stored),
                )?;
            }
            state.changed += 1;
        }
        state.processed += 1;
        state.cursor = Some(write_cursor(position)?);
    }
    Ok(done)
}

impl State {
    fn new(id: &str, direction: Way) -> Self {
        Self {
            changed: 0,
            cursor: None,
            direction,
            dry_run: None,
            error: None,
            id: id.to_owned(),
            processed: 0,
            started_at: None,
            status: Outcome::InProgress,
            updated_at: None,
        }
    }
}

fn read(database: &Database, id: &str) -> Result<Option<State>, LunoraError> {
    let sql = "SELECT \"direction\",\"status\",\"cursor\",\"processed\",\"changed\",\"error\",\"startedAt\",\"updatedAt\" FROM \"_lunora_migrations\" WHERE \"id\"=?";
    let rows = database.exec(sql, &[text(id)])?.rows;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let Ok([direction, status, cursor, processed, changed, error, started, updated]) =
        <[SqlCell; 8]>::try_from(row)
    else {
        return Err(malformed("_lunora_migrations"));
    };
    Ok(Some(State {
        changed: to_count(Some(&changed)),
        cursor: to_text(cursor),
        direction: if to_text(direction).as_deref() == Some("down") { Way::Down } else { Way::Up },
        dry_run: None,
        error: to_text(error),
        id: id.to_owned(),
        processed: to_count(Some(&processed)),
        started_at: Some(to_count(Some(&started))),
        status: match to_text(status).as_deref() {
            Some("completed") => Outcome::Completed,
            Some("failed") => Outcome::Failed,
            _ => Outcome::InProgress,
        },
        updated_at: Some(to_count(Some(&updated))),
    }))
}

fn write(run: &Run<'_>, state: &mut State) -> Result<(), LunoraError> {
    state.started_at.get_or_insert(run.now_ms);
    state.updated_at = Some(run.now_ms);
    let sql = "INSERT OR REPLACE INTO \"_lunora_migrations\"(\"id\",\"direction\",\"status\",\"cursor\",\"processed\",\"changed\",\"error\",\"startedAt\",\"updatedAt\") VALUES(?,?,?,?,?,?,?,?,?)";
    let optional = |value: &Option<String>| value.as_deref().map_or(SqlCell::Null, text);
    let status = match state.status {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
        Outcome::InProgress => "in_progress",
    };
    let params = [
        text(&state.id),
        text(if state.direction == Way::Down { "down" } else { "up" }),
        text(status),
        optional(&state.cursor),
        count(state.processed),
        count(state.changed),
        optional(&state.error),
        count(state.started_at.unwrap_or_default()),
        count(run.now_ms),
    ];
    run.state.database.exec(sql, &params).map(|_| ())
}
