//! The requirements between the setters of a builder, and the compile errors for them.
//!
//! One trait per requirement: that lets each of them have its own message.

use std::rc::Rc;

use super::state::{Called, Missing, setter};
use crate::platform::ShardNamespace;

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
    message = "`.jurisdiction(..)` does not reach the shards of a class, which register in their own registry",
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

/// An admin token was configured, or no page of operators needs one.
#[diagnostic::on_unimplemented(
    message = "the page of operators needs an admin token, and none was configured",
    label = "call `.admin_token(..)`, or drop `.operator_page()`",
    note = "an operator signs in on the page with this token, which every shard checks"
)]
pub trait AdminTokenForOperatorPage<Page> {}

#[diagnostic::do_not_recommend]
impl<Token> AdminTokenForOperatorPage<Missing<setter::operator_page>> for Token {}

#[diagnostic::do_not_recommend]
impl AdminTokenForOperatorPage<Called<setter::operator_page>> for Called<setter::admin_token> {}

/// A query coordinator was configured, or no page of operators needs one.
#[diagnostic::on_unimplemented(
    message = "the page of operators needs a query coordinator, and none was configured",
    label = "call `.query_coordinator(..)`, or drop `.operator_page()`",
    note = "the page shows every shard; the coordinator is what lists them"
)]
pub trait CoordinatorForOperatorPage<Page> {}

#[diagnostic::do_not_recommend]
impl<Coordinator> CoordinatorForOperatorPage<Missing<setter::operator_page>> for Coordinator {}

#[diagnostic::do_not_recommend]
impl CoordinatorForOperatorPage<Called<setter::operator_page>>
    for Called<setter::query_coordinator>
{
}
