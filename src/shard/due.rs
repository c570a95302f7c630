//! Makes the calls that are due (`scheduler.rs`).

use std::time::Duration;

use futures::{StreamExt, future::LocalBoxFuture, stream};

use super::{
    call::{Envelope, WriteIds},
    caller::{Caller, SharedCaller},
    context::{Mutation, Query},
    db::Document,
    function::Kind,
    instance::Shard,
    scheduler::{CALLS, ScheduledCall},
    table::Table,
};
use crate::{errors::LunoraError, log, platform::millis, wire::ShardKey};

/// The calls of one alarm.
const MOST_AT_ONCE: usize = 100;
/// The actions that run beside each other.
const ABREAST: usize = 8;
/// How often a call is made that fails.
const MAX_ATTEMPTS: u32 = 12;
/// After this time an action that was begun counts as cut off. It is as long as an alarm may take.
const CUT_OFF: Duration = Duration::from_secs(15 * 60);
const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

/// The table of the calls that [`Mutation::scheduler`](crate::shard::Mutation::scheduler) makes later.
///
/// It is one of the shard's tables: its calls are in exports and backups, in live queries that read it, and
/// in what operators read and change.
pub const SCHEDULED: Table<ScheduledCall> = CALLS
    .of_calls(&Maker { next_due: Shard::next_call, run_due: |shard| Box::pin(shard.make_due()) });

type Due = Document<ScheduledCall>;

/// Makes the calls of a shard. It is reached by [`SCHEDULED`] alone, so a shard without it does not carry the code.
struct Maker {
    next_due: fn(&Shard) -> Result<Option<u64>, LunoraError>,
    run_due: for<'a> fn(&'a Shard) -> LocalBoxFuture<'a, Result<usize, LunoraError>>,
}

impl Shard {
    /// Returns whether the shard makes scheduled calls.
    pub(crate) fn schedules(&self) -> bool {
        self.maker().is_some()
    }

    /// Returns when the next call is due, in milliseconds since 1970.
    pub(crate) fn next_due(&self) -> Result<Option<u64>, LunoraError> {
        self.maker().map_or(Ok(None), |maker| (maker.next_due)(self))
    }

    /// Makes the calls that are due, at most 100. Returns how many it made.
    pub(crate) async fn run_due(&self) -> Result<usize, LunoraError> {
        match self.maker() {
            Some(maker) => (maker.run_due)(self).await,
            None => Ok(0),
        }
    }

    /// The scratch shard of a drill has scheduled calls, and makes none.
    fn maker(&self) -> Option<&'static Maker> {
        let state = &self.inner.state;
        let table = state.tables.iter().find(|table| table.name == CALLS.name())?;
        table.calls().filter(|_| !ShardKey::is_scratch(state.key()))?.downcast_ref()
    }

    fn next_call(&self) -> Result<Option<u64>, LunoraError> {
        let inner = &self.inner;
        inner.open()?;
        let caller = server();
        let run = inner.run(&caller, 0);
        let next = first_due(&Query::new(&run))?;
        let due = next.and_then(|call| call.due);
        Ok(due.map(|due| due.max(inner.calls_wait_until.get())))
    }

    async fn make_due(&self) -> Result<usize, LunoraError> {
        let mut calls = Vec::new();
        if self.inner.state.host().now_ms() < self.inner.calls_wait_until.get() {
            return Ok(0);
        }
        self.open().await?;
        while calls.len() < MOST_AT_ONCE
            && let Some(call) = self.begin_next()?
        {
            calls.push(call);
        }
        let made = calls.len();
        let ended = stream::iter(calls).map(|call| self.make(call)).buffer_unordered(ABREAST);
        let ended: Vec<Result<(), LunoraError>> = ended.collect().await;
        ended.into_iter().collect::<Result<(), LunoraError>>().map(|()| made)
    }

    /// Takes the next call that is due. Before it is made it is due again, so that one that crashes its instance
    /// neither is lost nor holds up the others.
    pub(super) fn begin_next(&self) -> Result<Option<Due>, LunoraError> {
        self.write(|ctx| {
            let now_ms = ctx.now();
            while let Some(mut call) = first_due(ctx)?.filter(|call| call.due <= Some(now_ms)) {
                if call.attempts >= MAX_ATTEMPTS {
                    let error = call.error.take().or_else(|| Some("the call crashed".to_owned()));
                    let failed = ScheduledCall { due: None, error, ..call.value };
                    ctx.db().replace(CALLS, &call.id, failed)?;
                    continue;
                }
                call.attempts += 1;
                let again = match self
                    .inner
                    .definition
                    .functions
                    .of_kind(&call.function_path, Kind::Action)
                {
                    Ok(_) => CUT_OFF,
                    Err(_) => delay_after(call.attempts),
                };
                call.due = Some(now_ms + millis(again));
                return ctx.db().replace(CALLS, &call.id, call.value).map(Some);
            }
            Ok(None)
        })
    }

    async fn make(&self, call: Due) -> Result<(), LunoraError> {
        let args = serde_json::to_string(&call.args).map_err(LunoraError::internal)?;
        let envelope = Envelope { function_path: call.function_path.clone(), args: &args };
        // The answer is kept by this id: what was done is not done again.
        let ids = WriteIds { mutation_id: Some(call.id.clone()), ..WriteIds::default() };
        let outcome = self.call(&envelope, &SharedCaller::new(server()), &ids, None).await;
        self.write(|ctx| {
            let Err(error) = &outcome else {
                return ctx.db().delete(CALLS, &call.id).map(drop);
            };
            log::error(&format!(
                "the scheduled call of `{}`: {}",
                call.function_path,
                error.to_log_line()
            ));
            // It may have been cancelled meanwhile.
            let Some(call) = ctx.db().get(CALLS, &call.id)? else { return Ok(()) };
            let due = (call.attempts < MAX_ATTEMPTS)
                .then(|| ctx.now() + millis(delay_after(call.attempts)));
            let error = Some(format!("{}: {}", error.code(), error.message()));
            let failed = ScheduledCall { due, error, ..call.value };
            ctx.db().replace(CALLS, &call.id, failed).map(drop)
        })
    }

    fn write<T>(
        &self,
        work: impl Fn(&Mutation<'_>) -> Result<T, LunoraError>,
    ) -> Result<T, LunoraError> {
        self.inner.transact(&server(), 0, |run| work(&Mutation::new(run)))
    }
}

fn server() -> Caller {
    Caller { system: true, ..Caller::default() }
}

fn first_due(ctx: &Query<'_>) -> Result<Option<Due>, LunoraError> {
    ctx.db().table(CALLS).index("by_due").gte("due", 0).first()
}

/// Returns the time until a call is made again that failed this often.
fn delay_after(attempts: u32) -> Duration {
    let doubled = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled).min(LONGEST_DELAY)
}
