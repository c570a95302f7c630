//! One call, step by step.

use serde::Serialize;

use super::{
    action::Action,
    admin,
    answer::check_answer,
    call::{Call, Envelope, WriteIds},
    caller::SharedCaller,
    context::{Mutation, Query},
    crashes::Counted,
    function::{Function, Kind, not_registered},
    instance::Shard,
    recovery::Recovery,
    replies::Replay,
    run_as::RunAs,
    watermarks::{Place, place_of, set_watermark},
};
use crate::{
    errors::LunoraError,
    log,
    message::Response,
    wire::{Identity, paths},
};

/// The body of an answer: the status is 200 except for a write out of order.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn ok(body: String) -> Self {
        Self { status: 200, body }
    }

    pub(crate) fn into_response(self) -> Response {
        Response::raw_json(self.body).with_status(self.status)
    }
}

impl Shard {
    /// Serves one call of any function.
    pub(crate) async fn call(
        &self,
        envelope: &Envelope<'_>,
        caller: &SharedCaller,
        ids: &WriteIds,
        bearer: Option<&str>,
    ) -> Result<Reply, LunoraError> {
        // An unauthorized call, or a call of an unknown function, runs no statement, not even those
        // that create the tables.
        let path = &*envelope.function_path;
        if let Some(recovery) = path.strip_prefix(paths::ADMIN_PREFIX).and_then(Recovery::of) {
            admin::gate(&self.inner, bearer)?;
            let host = &**self.inner.state.host();
            return recovery.run(host, envelope.args).await.map(Reply::ok);
        }
        if path == paths::RUN_AS {
            admin::gate(&self.inner, bearer)?;
            let RunAs { function_path, args, caller } = RunAs::read(envelope.args)?;
            return self.function(&function_path, args, &caller, ids).await;
        }
        if let Some(op) = path.strip_prefix(paths::ADMIN_PREFIX) {
            let operation = admin::find(&self.inner, op, bearer)?;
            self.open().await?;
            let run = || admin::run(&self.inner, operation, envelope.args);
            return self.announced(run).await.map(Reply::ok);
        }
        if let Some(name) = path.strip_prefix(paths::RELATION_PREFIX) {
            return self.relation(path, name, envelope.args, caller).await.map(Reply::ok);
        }
        self.function(path, envelope.args, caller, ids).await
    }

    async fn function(
        &self,
        path: &str,
        args: &str,
        caller: &SharedCaller,
        ids: &WriteIds,
    ) -> Result<Reply, LunoraError> {
        let function = self.inner.definition.functions.find(path, caller.system);
        let known = function.is_ok().then_some(path);
        let result = match function {
            Ok(function) => {
                let call = Call { function, args, ids };
                match self.open().await {
                    Ok(()) => self.run(&call, caller).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            let now_ms = self.inner.state.host().now_ms();
            self.inner.failures.record(now_ms, path, ids.mutation_id.as_deref(), error);
        }
        self.inner.metrics.count(known, result.as_ref().map_or(true, |reply| reply.status >= 400));
        result
    }

    async fn run(&self, call: &Call<'_>, caller: &SharedCaller) -> Result<Reply, LunoraError> {
        match call.function.kind() {
            Kind::Query => {
                let run = self.inner.run(caller, 0);
                let result = call.function.query(&Query::new(&run), call.args)?;
                run.check_doom()?;
                check_answer(&result)?;
                Ok(Reply::ok(body(&result, None, None)))
            }
            Kind::Mutation => self.announced(|| self.mutate(call, caller)).await,
            Kind::Action | Kind::Stream => self.act(call, caller).await.map(Reply::ok),
        }
    }

    /// Answers a relation read with the bare value (docs/wire.md, "Calls in a shard").
    async fn relation(
        &self,
        path: &str,
        name: &str,
        args: &str,
        caller: &SharedCaller,
    ) -> Result<String, LunoraError> {
        let function: &Function = self
            .inner
            .definition
            .relations
            .find(&format!("relation:{name}"), caller.system)
            .map_err(|_| not_registered(path))?;
        self.open().await?;
        let run = self.inner.run(caller, 0);
        let result = function.query(&Query::new(&run), args)?;
        run.check_doom()?;
        check_answer(&result).map(|()| result)
    }

    /// Checks the client's numbering and the kept answers, and runs the function, in one
    /// transaction.
    fn mutate(&self, call: &Call<'_>, caller: &SharedCaller) -> Result<Reply, LunoraError> {
        let shard = &*self.inner;
        let user = caller.identity.as_ref().and_then(Identity::user_id).unwrap_or_default();
        let numbered = call.ids.client_id.as_deref().zip(call.ids.client_seq);
        let replay =
            Replay::of(call.ids.mutation_id.as_deref(), call.ids.client_id.as_deref(), caller);
        shard.transact(caller, 0, |run| {
            if let Some((client, seq)) = numbered {
                match place_of(&shard.state.database, user, client, seq)? {
                    Place::Next => {}
                    Place::Done(last) => return Ok(Reply::ok(body("null", None, Some(last)))),
                    Place::TooEarly(expected) => return out_of_order(expected),
                }
            }
            if let Some(replay) = &replay
                && let Some(body) = shard.replies.find(&shard.state.database, replay, run.now_ms)?
            {
                return Ok(Reply::ok(body));
            }
            let result = Counted::new(&**shard.state.host(), replay.as_ref())
                .run(|| call.function.mutation(&Mutation::new(run), call.args))?;
            run.check_doom()?;
            // In the transaction, so that a refused answer rolls back the writes.
            check_answer(&result)?;
            let cursor = match run.commit().cursor {
                Some(cursor) => cursor,
                None => shard.state.changes.cursor(&shard.state.database)?,
            };
            let body = body(&result, Some(cursor), numbered.map(|(_, seq)| seq));
            if let Some(replay) = &replay {
                shard.replies.keep(&shard.state.database, replay, &body, run.now_ms)?;
            }
            if let Some((client, seq)) = numbered {
                set_watermark(&shard.state.database, user, client, seq)?;
            }
            Ok(Reply::ok(body))
        })
    }

    /// Runs an action. It has no transaction of its own: the answer is kept when it is complete.
    async fn act(&self, call: &Call<'_>, caller: &SharedCaller) -> Result<String, LunoraError> {
        let shard = &self.inner;
        let replay =
            Replay::of(call.ids.mutation_id.as_deref(), call.ids.client_id.as_deref(), caller);
        if let Some(replay) = &replay
            && let Some(body) =
                shard.replies.find(&shard.state.database, replay, shard.state.host().now_ms())?
        {
            return Ok(body);
        }
        self.announce_before_action().await?;
        let action = Action::new(shard.clone(), caller.clone(), 0);
        let work = call.function.action(action, call.args.to_owned());
        let result = Counted::new(&**shard.state.host(), replay.as_ref()).run_future(work).await?;
        let body = body(&result, None, None);
        if let Some(replay) = &replay
            && let Err(error) = shard.state.database.atomically(|| {
                shard.replies.keep(
                    &shard.state.database,
                    replay,
                    &body,
                    shard.state.host().now_ms(),
                )
            })
        {
            // The effects stay, and so does the answer. One of 2 MB does not fit into a row.
            log::error(&format!("the answer of an action was not kept: {}", error.to_log_line()));
        }
        Ok(body)
    }
}

/// Returns `{"commitCursor"?,"lastMutationId"?,"result"}`.
fn body(result: &str, commit_cursor: Option<u64>, last_mutation_id: Option<u64>) -> String {
    let mut body = String::with_capacity(result.len() + 64);
    body.push('{');
    for (name, number) in [("commitCursor", commit_cursor), ("lastMutationId", last_mutation_id)] {
        if let Some(number) = number {
            body.extend(["\"", name, "\":", &number.to_string(), ","]);
        }
    }
    body.extend(["\"result\":", result, "}"]);
    body
}

/// Returns the error for a gap in a client's numbering: it must send the missing writes first.
fn out_of_order(expected: u64) -> Result<Reply, LunoraError> {
    #[derive(Serialize)]
    struct Body {
        error: Detail,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Detail {
        code: &'static str,
        expected_mutation_id: u64,
        message: String,
    }

    let message = format!("the write is out of its order: number {expected} comes next");
    let error = Detail { code: "OUT_OF_ORDER", expected_mutation_id: expected, message };
    let body = serde_json::to_string(&Body { error }).map_err(LunoraError::internal)?;
    Ok(Reply { status: 409, body })
}
