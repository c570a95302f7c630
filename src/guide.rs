//! The guide: from a first application to operating it.
//!
//! | page | about |
//! |---|---|
//! | [`first_app`] | the tool, the files of an application, functions |
//! | [`sharding`] | keys, queries across shards, jurisdictions |
//! | [`identity`] | who is calling, what they may do, other origins |
//! | [`live_queries`] | subscriptions over WebSocket, repeated writes |
//! | [`frameworks`] | pages rendered on the server, routers in front and behind |
//! | [`testing`] | functions, the Worker, and a whole deployment under faults, by `cargo test` |
//! | [`deploying`] | `lunora build`, wrangler, schema changes |
//! | [`backups`] | snapshots, restores, drills, exports |
//! | [`operating`] | admin endpoints, health, variables, limits |
//! | [`wire`] | the protocol between clients, Worker and shards |

#[doc = include_str!("../docs/backups.md")]
pub mod backups {}
#[doc = include_str!("../docs/deploying.md")]
pub mod deploying {}
#[doc = include_str!("../docs/first-app.md")]
pub mod first_app {}
#[doc = include_str!("../docs/frameworks.md")]
pub mod frameworks {}
#[doc = include_str!("../docs/identity.md")]
pub mod identity {}
#[doc = include_str!("../docs/live-queries.md")]
pub mod live_queries {}
#[doc = include_str!("../docs/operating.md")]
pub mod operating {}
#[doc = include_str!("../docs/sharding.md")]
pub mod sharding {}
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
#[doc = include_str!("../docs/wire.md")]
pub mod wire {}
