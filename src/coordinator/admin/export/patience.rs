//! The time that a shard has for its answer, and for each piece of it.

use std::{pin::pin, rc::Rc, time::Duration};

use futures::future::{Either, LocalBoxFuture, select};

use crate::{
    coordinator::admin::ShardAdmin,
    errors::{Code, LunoraError},
    platform::Clock,
};

/// Waits up to the timeout of a shard for an answer, or for more of it. It creates a timer only
/// when the previous one has fired.
pub(super) struct Patience {
    clock: Rc<dyn Clock>,
    limit: Duration,
    timer: LocalBoxFuture<'static, ()>,
}

impl Patience {
    pub(super) fn new(admin: &ShardAdmin) -> Self {
        let (clock, limit) = (admin.coordinator.clock.clone(), admin.coordinator.per_shard_timeout);
        Self { timer: clock.sleep(limit), clock, limit }
    }

    pub(super) async fn wait<T>(
        &mut self,
        answer: impl Future<Output = T>,
    ) -> Result<T, LunoraError> {
        let mut answer = pin!(answer);
        let begun = self.clock.now_ms();
        loop {
            match select(answer.as_mut(), &mut self.timer).await {
                Either::Left((answer, _)) => return Ok(answer),
                Either::Right(_) => {}
            }
            let waited = Duration::from_millis(self.clock.now_ms().saturating_sub(begun));
            if waited >= self.limit {
                return Err(LunoraError::new(
                    Code::ShardTimeout,
                    format!("no answer, or no more of it, within {} ms", self.limit.as_millis()),
                ));
            }
            self.timer = self.clock.sleep(self.limit - waited);
        }
    }
}
