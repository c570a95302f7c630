//! Calls that nobody outside makes: jobs by cron, and what the scheduler dispatches.

mod call;
mod cron_job;

pub(crate) use self::call::{SystemCall, result_of};
pub use self::cron_job::CronJob;
