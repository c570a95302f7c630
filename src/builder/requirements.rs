//! The requirements between the setters of a builder, and the compile errors for them.
//!
//! One trait per requirement: that lets each of them have its own message.

use std::rc::Rc;

use super::state::{Called, Missing, setter};
use crate::platform::ShardNamespace;

/// Declares, one row per setter, that it may be called once.
///
/// One trait per setter, with its whole message: the compiler would quote a type as `security` or
/// as its full path, whichever it takes for unambiguous in the crate at hand.
macro_rules! once {
    ($($Trait:ident $setter:ident $message:literal;)*) => {
        $(
            #[doc = concat!("`.", stringify!($setter), "(..)` was not called yet, and so may be.")]
            #[diagnostic::on_unimplemented(
                message = $message,
                label = "this is the second call: keep one of the two",
                note = "a setting has one value; what can be called several times is `.route(..)`, `.routes(..)`, `.cron(..)`, `.cron_job(..)`, `.cron_jobs(..)` and `.workflow(..)`"
            )]
            pub trait $Trait {}

            #[diagnostic::do_not_recommend]
            impl $Trait for Missing<setter::$setter> {}
        )*
    };
}

once! {
    AdminGateOnce admin_gate "`.admin_gate(..)` was already called on this builder";
    AdminTokenOnce admin_token "`.admin_token(..)` was already called on this builder";
    OpenShardsOnce allow_unauthenticated_shard_access "`.allow_unauthenticated_shard_access(..)` was already called on this builder";
    AuthAdminOnce auth_admin "`.auth_admin(..)` was already called on this builder";
    AuthorizeFanOutOnce authorize_fan_out "`.authorize_fan_out(..)` was already called on this builder";
    AuthorizeShardOnce authorize_shard "`.authorize_shard(..)` was already called on this builder";
    BackupOnce backup "`.backup(..)` was already called on this builder";
    ClockOnce clock "`.clock(..)` was already called on this builder";
    DefaultShardKeyOnce default_shard_key "`.default_shard_key(..)` was already called on this builder";
    FunctionsOnce functions "`.functions(..)` was already called on this builder";
    GlobalTablesOnce global_tables "`.global_tables(..)` was already called on this builder";
    HealthOnce health "`.health(..)` was already called on this builder";
    HttpRouterOnce http_router "`.http_router(..)` was already called on this builder";
    JurisdictionOnce jurisdiction "`.jurisdiction(..)` was already called on this builder";
    KvOnce kv "`.kv(..)` was already called on this builder";
    LogArchiveOnce log_archive "`.log_archive(..)` was already called on this builder";
    QueryCoordinatorOnce query_coordinator "`.query_coordinator(..)` was already called on this builder";
    RateLimitOnce rate_limit "`.rate_limit(..)` was already called on this builder";
    RequireEphemeralWsTokenOnce require_ephemeral_ws_token "`.require_ephemeral_ws_token(..)` was already called on this builder";
    ResolveIdentityOnce resolve_identity "`.resolve_identity(..)` was already called on this builder";
    SchedulerOnce scheduler "`.scheduler(..)` was already called on this builder";
    SecurityOnce security "`.security(..)` was already called on this builder";
    ShardDoOnce shard_do "`.shard_do(..)` was already called on this builder";
    ShardRegionOnce shard_region "`.shard_region(..)` was already called on this builder";
    ShardTimeoutOnce shard_timeout "`.shard_timeout(..)` was already called on this builder";
    StorageOnce storage "`.storage(..)` was already called on this builder";
    VectorsOnce vectors "`.vectors(..)` was already called on this builder";
    ShardingOnce sharding "`.sharding(..)` was already called on this builder";
}

/// A shard namespace was configured.
#[diagnostic::on_unimplemented(
    message = "a Lunora Worker needs its shard namespace, and none was configured",
    label = "call `.shard_do(..)` before `.build()`",
    note = "every call goes to a Durable Object of that namespace: `.shard_do(env.durable_object(\"SHARD\")?)`"
)]
pub trait HasShardDo {
    #[doc(hidden)]
    fn into_namespace(self) -> Rc<dyn ShardNamespace>;
}

#[diagnostic::do_not_recommend]
impl HasShardDo for Called<setter::shard_do, Rc<dyn ShardNamespace>> {
    fn into_namespace(self) -> Rc<dyn ShardNamespace> {
        self.value
    }
}

/// A query coordinator was configured, or no backup needs one.
#[diagnostic::on_unimplemented(
    message = "a scheduled backup needs a query coordinator, and none was configured",
    label = "call `.query_coordinator(..)`, or drop `.backup(..)`",
    note = "a backup exports every shard; the coordinator is what lists them"
)]
pub trait CoordinatorForBackup<Backup> {}

#[diagnostic::do_not_recommend]
impl<Coordinator> CoordinatorForBackup<Missing<setter::backup>> for Coordinator {}

#[diagnostic::do_not_recommend]
impl CoordinatorForBackup<Called<setter::backup>> for Called<setter::query_coordinator> {}

/// The shards announce themselves, or no backup needs to know.
#[diagnostic::on_unimplemented(
    message = "a scheduled backup holds every shard, and nothing says that these shards announce themselves",
    label = "give `.shard_do(..)` the shards of a class with a `registry:`, as in `.shard_do(Room::shards(namespace))`, or drop `.backup(..)`",
    note = "a shard that is in no registry would be missing from every snapshot; for shards of another implementation that announce themselves there is `.shard_do(VouchedShards::new(namespace))`"
)]
pub trait AnnouncedForBackup<Backup, ShardDo> {}

#[diagnostic::do_not_recommend]
impl<Announcing, ShardDo> AnnouncedForBackup<Missing<setter::backup>, ShardDo> for Announcing {}

#[diagnostic::do_not_recommend]
impl<Announcing> AnnouncedForBackup<Called<setter::backup>, Missing<setter::shard_do>>
    for Announcing
{
}

#[diagnostic::do_not_recommend]
impl<Value> AnnouncedForBackup<Called<setter::backup>, Called<setter::shard_do, Value>>
    for Called<setter::announcing>
{
}

/// The jurisdiction is declared where the shards read it too.
#[diagnostic::on_unimplemented(
    message = "`.jurisdiction(..)` does not reach the shards of a class, which enter the registry of their own",
    label = "drop `.jurisdiction(..)`, and say it in the `shard!` of these shards, such as `jurisdiction: Eu`",
    note = "said once, it holds for routing, the registry, backups and restores alike"
)]
pub trait JurisdictionOfShards<ClassOfShards> {}

#[diagnostic::do_not_recommend]
impl<ClassOfShards> JurisdictionOfShards<ClassOfShards> for Missing<setter::jurisdiction> {}

#[diagnostic::do_not_recommend]
impl JurisdictionOfShards<Missing<setter::class_of_shards>> for Called<setter::jurisdiction> {}

/// An admin token was configured, or no backup needs one.
#[diagnostic::on_unimplemented(
    message = "a scheduled backup needs an admin token, and none was configured",
    label = "call `.admin_token(..)`, or drop `.backup(..)`",
    note = "each shard checks this token before it exports its rows"
)]
pub trait AdminTokenForBackup<Backup> {}

#[diagnostic::do_not_recommend]
impl<Token> AdminTokenForBackup<Missing<setter::backup>> for Token {}

#[diagnostic::do_not_recommend]
impl AdminTokenForBackup<Called<setter::backup>> for Called<setter::admin_token> {}

/// A query coordinator was configured, or no gate of fan-outs needs one.
#[diagnostic::on_unimplemented(
    message = "a gate for cross-shard queries needs a query coordinator, and none was configured",
    label = "call `.query_coordinator(..)`, or drop `.authorize_fan_out(..)`",
    note = "without a coordinator every cross-shard query is refused, and the gate would never be asked"
)]
pub trait CoordinatorForFanOut<Gate> {}

#[diagnostic::do_not_recommend]
impl<Coordinator> CoordinatorForFanOut<Missing<setter::authorize_fan_out>> for Coordinator {}

#[diagnostic::do_not_recommend]
impl CoordinatorForFanOut<Called<setter::authorize_fan_out>> for Called<setter::query_coordinator> {}
