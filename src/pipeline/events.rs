//! Batches of queues, and e-mails.

use futures::future::LocalBoxFuture;

use super::{
    Lunora,
    functions::Caller,
    hooks::{QueueHandler, RouteContext},
};
use crate::{
    errors::{Code, LunoraError},
    log,
    platform::{Email, Environment, ExecutionContext, QueueBatch, QueueDecision},
};

/// A queue, and the handler that takes its batches.
pub(crate) struct Queue<E> {
    pub(crate) name: String,
    pub(crate) handler: Box<dyn QueueHandler<E>>,
    pub(crate) run: QueueRunner<E>,
}

/// Gives a batch to its handler. It is chosen only if a queue has a handler, so that other Workers do
/// not link it.
pub(crate) type QueueRunner<E> = for<'a> fn(
    &'a Lunora<E>,
    &'a dyn QueueHandler<E>,
    &'a QueueBatch,
    &'a E,
    &'a dyn ExecutionContext,
) -> LocalBoxFuture<'a, Vec<QueueDecision>>;

impl<E: Environment> Lunora<E> {
    /// Gives a batch to the handler of its queue, and returns the decision on each message, in their
    /// order.
    ///
    /// It never fails: an error of the handler is logged, and each message that the handler did not
    /// acknowledge is delivered again. So is every message of a queue without a handler.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use lunora::{LunoraError, Response, function, testing};
    /// use lunora::events::{QueueBatch, QueueDecision, QueueMessage};
    /// use lunora::testing::{MemoryContext, MemoryEnvironment, MemoryNamespace};
    /// use serde_json::json;
    ///
    /// let shards = MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":null}"#));
    /// let app = testing::builder()
    ///     .shard_do(shards.clone())
    ///     .queue("mail", async |batch, _env, ctx| {
    ///         for message in batch.messages() {
    ///             ctx.run_mutation::<()>(function!("mail:sent"), message.body()).await?;
    ///             message.ack();
    ///         }
    ///         Ok::<_, LunoraError>(())
    ///     })
    ///     .build();
    ///
    /// let batch = QueueBatch::new("mail", [QueueMessage::new("1", json!({ "to": "ada" }))]);
    /// let decisions = block_on(app.queue(&batch, &MemoryEnvironment::new(), &MemoryContext::new()));
    /// assert_eq!(decisions, [QueueDecision::Ack]);
    /// assert_eq!(shards.calls().len(), 1);
    /// ```
    pub async fn queue(
        &self,
        batch: &QueueBatch,
        env: &E,
        ctx: &dyn ExecutionContext,
    ) -> Vec<QueueDecision> {
        if let Some(decisions) = self.run_own_queue(batch, env, ctx) {
            return decisions.await;
        }
        if let Some(host) = &self.settings.host_queue {
            return run(self, &**host, batch, env, ctx).await;
        }
        let name = batch.queue();
        log::error(&format!(
            "no handler for the queue `{name}`, whose batch is retried: call `.queue(\"{name}\", ..)` on the builder"
        ));
        batch.settle(false)
    }

    /// Gives a batch to the handler that the builder set for its queue; `None` without one.
    pub(super) fn run_own_queue<'a>(
        &'a self,
        batch: &'a QueueBatch,
        env: &'a E,
        ctx: &'a dyn ExecutionContext,
    ) -> Option<LocalBoxFuture<'a, Vec<QueueDecision>>> {
        let queue = self.settings.queues.iter().find(|queue| queue.name == batch.queue())?;
        Some((queue.run)(self, &*queue.handler, batch, env, ctx))
    }

    /// Gives an e-mail to its handler.
    ///
    /// # Errors
    /// The error of the handler, or 500 `MISCONFIGURED` without a handler. [`serve!`](crate::serve)
    /// rejects with it, so that the sender gets a temporary error.
    pub async fn email(
        &self,
        email: Email,
        env: &E,
        ctx: &dyn ExecutionContext,
    ) -> Result<(), LunoraError> {
        let Some(handler) = &self.settings.email else {
            return Err(LunoraError::new(
                Code::Misconfigured,
                "no handler for e-mails: call `.email(..)` on the builder",
            ));
        };
        let caller = Caller::server(self, env);
        let ctx = RouteContext::of_server(ctx, &caller);
        self.span_of_event(env).run(handler.handle(email, env, &ctx)).await
    }
}

/// Gives a batch to its handler; the only [`QueueRunner`].
pub(crate) fn run<'a, E: Environment>(
    app: &'a Lunora<E>,
    handler: &'a dyn QueueHandler<E>,
    batch: &'a QueueBatch,
    env: &'a E,
    ctx: &'a dyn ExecutionContext,
) -> LocalBoxFuture<'a, Vec<QueueDecision>> {
    Box::pin(async move {
        let caller = Caller::server(app, env);
        let ctx = RouteContext::of_server(ctx, &caller);
        let run = async {
            let ran = handler.handle(batch, env, &ctx).await;
            if let Err(error) = &ran {
                log::error(&format!(
                    "the handler of the queue `{}` failed, and its batch is retried: {}",
                    batch.queue(),
                    error.to_log_line()
                ));
            }
            batch.settle(ran.is_ok())
        };
        app.span_of_event(env).run(run).await
    })
}
