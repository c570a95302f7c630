//! Scheduled backups: their settings.

mod config;
mod retention;

pub use self::{
    config::BackupConfig,
    retention::{Retention, RetentionOfZero},
};
