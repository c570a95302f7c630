//! The guide: from a first application to operating it.
//!
//! | page | about |
//! |---|---|
//! | [`first_app`] | the tool, the files of an application, functions |
//! | [`sharding`] | keys, queries across shards, jurisdictions |
//! | [`identity`] | who is calling, sign-in and sessions, what they may do, other origins |
//! | [`live_queries`] | subscriptions over WebSocket, repeated writes |
//! | [`scheduling`] | calls that a mutation leaves for later |
//! | [`frameworks`] | pages rendered on the server, routers in front and behind, functions by plain HTTP |
//! | [`testing`] | functions, the Worker, and a whole deployment under faults, by `cargo test` |
//! | [`deploying`] | `lunora build`, wrangler, schema changes |
//! | [`backups`] | snapshots, restores, drills, exports |
//! | [`operating`] | admin endpoints, the operators' page, health, variables, limits |
//! | [`wire`] | the protocol between clients, Worker and shards |

#[doc = include_str!("../docs/backups.md")]
#[doc = ""]
#[doc = "[`Lunora::backups`]: crate::Lunora::backups"]
pub mod backups {}
#[doc = include_str!("../docs/deploying.md")]
#[doc = ""]
#[doc = "[`shard!`]: crate::shard!"]
#[doc = "[identity]: crate::guide::identity"]
pub mod deploying {}
#[doc = include_str!("../docs/first-app.md")]
#[doc = ""]
#[doc = "[`Lunora`]: crate::Lunora"]
#[doc = "[`http_router`]: crate::builder::Builder::http_router"]
#[doc = "[`lunora::shard`]: mod@crate::shard"]
#[doc = "[`route`]: crate::builder::Builder::route"]
#[doc = "[`serve!`]: crate::serve!"]
pub mod first_app {}
#[doc = include_str!("../docs/frameworks.md")]
#[doc = ""]
#[doc = "[`Lunora::server_query`]: crate::Lunora::server_query"]
#[doc = "[`compose_worker`]: crate::compose::compose_worker"]
#[doc = "[`create_lunora_handler`]: crate::compose::create_lunora_handler"]
#[doc = "[`serve!`]: crate::serve!"]
#[doc = "[`with_framework_worker`]: crate::compose::with_framework_worker"]
pub mod frameworks {}
#[doc = include_str!("../docs/identity.md")]
#[doc = ""]
#[doc = "[`Identity::expires_at_ms`]: crate::Identity::expires_at_ms"]
#[doc = "[`authorize_fan_out`]: crate::builder::Builder::authorize_fan_out"]
#[doc = "[`authorize_shard`]: crate::builder::Builder::authorize_shard"]
#[doc = "[`first_match`]: crate::access::first_match"]
#[doc = "[`per_route`]: crate::access::per_route"]
#[doc = "[`resolve_identity`]: crate::builder::Builder::resolve_identity"]
#[doc = "[`security`]: crate::security"]
pub mod identity {}
#[doc = include_str!("../docs/live-queries.md")]
#[doc = ""]
#[doc = "[`Action`]: crate::shard::Action"]
#[doc = "[`Connection`]: crate::shard::Connection"]
pub mod live_queries {}
#[doc = include_str!("../docs/operating.md")]
#[doc = ""]
#[doc = "[`admin_gate`]: crate::builder::Builder::admin_gate"]
#[doc = "[`health`]: crate::builder::Builder::health"]
pub mod operating {}
#[doc = include_str!("../docs/scheduling.md")]
#[doc = ""]
#[doc = "[`SCHEDULED`]: crate::shard::SCHEDULED"]
#[doc = "[`TestShard::run_due`]: crate::shard::testing::TestShard::run_due"]
#[doc = "[`cron_job`]: crate::builder::Builder::cron_job"]
pub mod scheduling {}
#[doc = include_str!("../docs/sharding.md")]
#[doc = ""]
#[doc = "[`DurableShardRegistry`]: crate::coordinator::DurableShardRegistry"]
#[doc = "[`Merge`]: crate::coordinator::Merge"]
#[doc = "[`QueryCoordinator`]: crate::coordinator::QueryCoordinator"]
#[doc = "[`authorize_fan_out`]: crate::builder::Builder::authorize_fan_out"]
#[doc = "[`default_shard_key`]: crate::builder::Builder::default_shard_key"]
#[doc = "[`max_shards`]: crate::coordinator::QueryCoordinator::max_shards"]
#[doc = "[`shard_region`]: crate::builder::Builder::shard_region"]
pub mod sharding {}
#[doc = include_str!("../docs/testing.md")]
#[doc = ""]
#[doc = "[`lunora::testing`]: crate::testing"]
pub mod testing {}
#[doc = include_str!("../docs/wire.md")]
#[doc = ""]
#[doc = "[`Code`]: crate::Code"]
#[doc = "[`wire::value`]: crate::wire::value"]
pub mod wire {}
