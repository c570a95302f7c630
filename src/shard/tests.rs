//! A shard over SQLite in memory.
