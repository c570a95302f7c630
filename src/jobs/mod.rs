//! Calls that come from the server itself: cron jobs, and dispatches of the scheduler.

mod call;
mod cron_job;

pub(crate) use self::call::{SystemCall, result_of};
pub use self::cron_job::CronJob;
