//! The compile errors of `shard!`: each is a bound that does not hold, on a token of the
//! application, so that the compiler points there with the message of the trait.
//!
//! None of it is ever called.

use super::{
    names::{is_droppable, same_name},
    sentence::same,
    table::{TableSpec, is_declared},
};
use crate::functions::{FunctionPathError, check_path};

/// The outcome of a check at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Is<const RIGHT: bool>;

/// A second way to fulfil each check, so that the compiler does not infer `Is<true>`, as it would
/// where there is one way only, and then speak of mismatched types.
#[derive(Clone, Copy, Debug)]
pub enum NotInferred {}

/// A part of `shard!` that exists.
#[diagnostic::on_unimplemented(
    message = "`shard!` has no part `{Self}`",
    label = "expected `tables`, `functions`, `relations`, `migrations`, `registry`, `rest` or `jurisdiction`"
)]
pub trait KnownPart {}

/// Fails with the message of [`KnownPart`].
pub const fn unknown_part<T: KnownPart + Copy>(_: T) {}

/// A part of `shard!` that is not repeated.
#[diagnostic::on_unimplemented(
    message = "`shard!` has the part `{Self}` twice",
    label = "this is the second one: merge it into the first"
)]
pub trait PartOnce {}

/// Fails with the message of [`PartOnce`].
pub const fn part_twice<T: PartOnce + Copy>(_: T) {}

/// A part of `shard!` in its form.
#[diagnostic::on_unimplemented(
    message = "the part `{Self}` of `shard!` is malformed",
    label = "write it in the form of the note, with a comma between it and the next part",
    note = "the forms are `tables: [MESSAGES]`, `functions: {{ query \"messages:list\" => list }}`, `relations: {{ \"messages\" => newest }}`, `migrations: {{ \"add-author\" on MESSAGES => {{ up: add_author }}, \"drop-members\" drops \"members\" }}`, `registry: \"SHARD_REGISTRY\"`, `rest: {{ \"GET /messages\" => \"messages:list\" }}` and `jurisdiction: Eu`"
)]
pub trait WellFormedPart {}

/// Fails with the message of [`WellFormedPart`].
pub const fn malformed_part<T: WellFormedPart + Copy>(_: T) {}

/// A function of `shard!` in its form.
#[diagnostic::on_unimplemented(
    message = "a function of `shard!` is malformed",
    label = "expected `query \"namespace:name\" => function`, and a comma between two of them",
    note = "the kind is `query`, `mutation` or `action`, with `internal` in front if only the server may call the function; or `stream`, `shape`, `connect` or `disconnect`"
)]
pub trait WellFormedFunction {}

/// Fails with the message of [`WellFormedFunction`].
pub const fn malformed_function<T: WellFormedFunction + Copy>(_: T) {}

/// A kind of function.
#[diagnostic::on_unimplemented(
    message = "a function of `shard!` has an unknown kind",
    label = "expected `query`, `mutation`, `action`, `stream`, `shape`, `connect` or `disconnect` before this path",
    note = "`internal` stands in front of the kind if only the server may call the function"
)]
pub trait KnownKind {}

/// Fails with the message of [`KnownKind`].
pub const fn unknown_kind<T: KnownKind + Copy>(_: T) {}

/// A shard with functions.
#[diagnostic::on_unimplemented(
    message = "this shard has no functions",
    label = "add `functions: {{ query \"messages:list\" => list }}` after the name"
)]
pub trait HasFunctions {}

/// Fails with the message of [`HasFunctions`].
pub const fn without_functions<T: HasFunctions + Copy>(_: T) {}

/// A jurisdiction that the platform has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a jurisdiction",
    label = "expected `Eu`, `Us` or `FedRamp`, the variants of `lunora::platform::Jurisdiction`"
)]
pub trait KnownJurisdiction {}

/// Fails with the message of [`KnownJurisdiction`].
pub const fn unknown_jurisdiction<T: KnownJurisdiction + Copy>(_: T) {}

/// A path of two names and a colon.
#[diagnostic::on_unimplemented(
    message = "the path of a function has the form `namespace:name`",
    label = "expected a path such as `messages:send`: two names with one colon in between",
    note = "a name has ASCII letters, digits, `_`, `-`, `.` and `/`; the whole path has at most 256 characters"
)]
pub trait PathHasForm<Right> {}

#[diagnostic::do_not_recommend]
impl<T> PathHasForm<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> PathHasForm<NotInferred> for T {}

/// A path that the framework does not reserve.
#[diagnostic::on_unimplemented(
    message = "the path of a function must not begin with `__lunora`",
    label = "rename it: the prefix is reserved for the framework"
)]
pub trait PathIsFree<Right> {}

#[diagnostic::do_not_recommend]
impl<T> PathIsFree<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> PathIsFree<NotInferred> for T {}

/// A path that one function has.
#[diagnostic::on_unimplemented(
    message = "two functions of this shard have the same path",
    label = "rename one of the two"
)]
pub trait PathIsUnique<Right> {}

#[diagnostic::do_not_recommend]
impl<T> PathIsUnique<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> PathIsUnique<NotInferred> for T {}

/// A table whose name is its own.
#[diagnostic::on_unimplemented(
    message = "two tables of this shard have the same name",
    label = "rename or remove one of the two; case does not tell names apart"
)]
pub trait TableIsUnique<Right> {}

#[diagnostic::do_not_recommend]
impl<T> TableIsUnique<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> TableIsUnique<NotInferred> for T {}

/// A relation whose name is its own.
#[diagnostic::on_unimplemented(
    message = "two relations of this shard have the same name",
    label = "rename one of the two"
)]
pub trait RelationIsUnique<Right> {}

#[diagnostic::do_not_recommend]
impl<T> RelationIsUnique<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> RelationIsUnique<NotInferred> for T {}

/// A migration whose id is its own.
#[diagnostic::on_unimplemented(
    message = "two migrations of this shard have the same id",
    label = "rename the later one: a shard runs each id once"
)]
pub trait MigrationIsUnique<Right> {}

#[diagnostic::do_not_recommend]
impl<T> MigrationIsUnique<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> MigrationIsUnique<NotInferred> for T {}

/// A table of the shard.
#[diagnostic::on_unimplemented(
    message = "this migration is of a table that the shard does not have",
    label = "add the table to `tables: [..]` of this `shard!`"
)]
pub trait MigratedTableIsListed<Right> {}

#[diagnostic::do_not_recommend]
impl<T> MigratedTableIsListed<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> MigratedTableIsListed<NotInferred> for T {}

/// A migration that drops what is gone.
#[diagnostic::on_unimplemented(
    message = "this migration drops what the shard still has, or its name is invalid",
    label = "expected a table such as \"members\", or an index such as \"messages.by_author\", that `tables: [..]` no longer declares"
)]
pub trait DropsWhatIsGone<Right> {}

#[diagnostic::do_not_recommend]
impl<T> DropsWhatIsGone<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> DropsWhatIsGone<NotInferred> for T {}

/// A migration with its work.
#[diagnostic::on_unimplemented(
    message = "a migration of `shard!` says nothing of what it does",
    label = "add `on MESSAGES => {{ up: add_author }}`, or `drops \"members\"`"
)]
pub trait HasWork {}

/// Fails with the message of [`HasWork`].
pub const fn without_work<T: HasWork + Copy>(_: T) {}

/// A URL of a function.
#[diagnostic::on_unimplemented(
    message = "a route of `rest` has the form \"METHOD /path/{{argument}}\"",
    label = "expected `GET`, `POST`, `PUT`, `PATCH` or `DELETE`, a space, and a path such as `/channels/{{shardKey}}/messages`",
    note = "an argument is a whole segment, with the name of an argument of the function, or `shardKey`; the path is not under `/_lunora/`"
)]
pub trait RestHasForm<Right> {}

#[diagnostic::do_not_recommend]
impl<T> RestHasForm<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> RestHasForm<NotInferred> for T {}

/// A function that clients may call.
#[diagnostic::on_unimplemented(
    message = "a route of `rest` names no function that clients may call",
    label = "expected the path of a `query`, a `mutation` or an `action` of this `shard!` behind this route"
)]
pub trait RestIsExposable<Right> {}

#[diagnostic::do_not_recommend]
impl<T> RestIsExposable<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> RestIsExposable<NotInferred> for T {}

/// A function that only reads, behind `GET`.
#[diagnostic::on_unimplemented(
    message = "`GET` must not change anything",
    label = "expected a `query` behind this route, or another method"
)]
pub trait RestReads<Right> {}

#[diagnostic::do_not_recommend]
impl<T> RestReads<Is<true>> for T {}

#[diagnostic::do_not_recommend]
impl<T> RestReads<NotInferred> for T {}

/// Checks a route of `rest`; see the traits.
pub fn rest<T, Form, Exposable, Reads>(_: T, _: Form, _: Exposable, _: Reads)
where
    T: RestHasForm<Form> + RestIsExposable<Exposable> + RestReads<Reads>,
{
}

/// Returns whether a text is a method and a path with arguments.
#[must_use]
pub const fn is_rest_route(route: &str) -> bool {
    crate::functions::check_rest(route).is_ok()
}

/// Returns whether `kinds` has a function of this path that clients may call once.
#[must_use]
pub const fn is_exposable(path: &str, kinds: &[(&str, &str)]) -> bool {
    match kind_of(path, kinds) {
        Some(kind) => same(kind, "query") || same(kind, "mutation") || same(kind, "action"),
        None => false,
    }
}

/// Returns whether a route reads, or its function is none that may be behind `GET`. An unknown function is the fault of
/// another check.
#[must_use]
pub const fn may_be_read(route: &str, path: &str, kinds: &[(&str, &str)]) -> bool {
    let bytes = route.as_bytes();
    let is_get = bytes.len() > 3
        && bytes[0] == b'G'
        && bytes[1] == b'E'
        && bytes[2] == b'T'
        && bytes[3] == b' ';
    match kind_of(path, kinds) {
        Some(kind) => !is_get || same(kind, "query"),
        None => true,
    }
}

const fn kind_of<'a>(path: &str, kinds: &[(&str, &'a str)]) -> Option<&'a str> {
    let mut at = 0;
    while at < kinds.len() {
        if same(kinds[at].0, path) {
            return Some(kinds[at].1);
        }
        at += 1;
    }
    None
}

/// Checks a path; see the traits.
pub fn path<P, Form, Free, Unique>(_: P, _: Form, _: Free, _: Unique)
where
    P: PathHasForm<Form> + PathIsFree<Free> + PathIsUnique<Unique>,
{
}

/// Checks a table; see the trait.
pub fn table<T: TableIsUnique<Unique>, Unique>(_: T, _: Unique) {}

/// Checks the name of a relation; see the trait.
pub fn relation<T: RelationIsUnique<Unique>, Unique>(_: T, _: Unique) {}

/// Checks the id of a migration; see the trait.
pub fn migration<T: MigrationIsUnique<Unique>, Unique>(_: T, _: Unique) {}

/// Checks the table of a migration; see the trait.
pub fn migrated<T: MigratedTableIsListed<Listed>, Listed>(_: T, _: Listed) {}

/// Checks what a migration drops; see the trait.
pub fn drops<T: DropsWhatIsGone<Gone>, Gone>(_: T, _: Gone) {}

/// Returns whether `name` is that of a table or of an index, and none of `tables` has it.
#[must_use]
pub const fn may_be_dropped(name: &str, tables: &[TableSpec]) -> bool {
    is_droppable(name) && !is_declared(name, tables)
}

/// Returns whether a path has two names and a colon.
#[must_use]
pub const fn has_form(path: &str) -> bool {
    !matches!(check_path(path), Err(FunctionPathError::Form))
}

/// Returns whether the framework does not reserve a path.
#[must_use]
pub const fn is_free(path: &str) -> bool {
    !matches!(check_path(path), Err(FunctionPathError::Reserved))
}

/// Returns whether at most one of `names` is `name`.
#[must_use]
pub const fn is_unique(name: &str, names: &[&str]) -> bool {
    let (mut times, mut at) = (0, 0);
    while at < names.len() {
        if same(name, names[at]) {
            times += 1;
        }
        at += 1;
    }
    times <= 1
}

/// Returns whether one of `tables` has the name of `table`.
#[must_use]
pub const fn is_listed(table: &TableSpec, tables: &[TableSpec]) -> bool {
    let mut at = 0;
    while at < tables.len() {
        if same(table.name(), tables[at].name()) {
            return true;
        }
        at += 1;
    }
    false
}

/// Returns whether at most one of `tables` has the name of `table`, as SQLite compares names.
#[must_use]
pub const fn is_unique_table(table: &TableSpec, tables: &[TableSpec]) -> bool {
    let (mut times, mut at) = (0, 0);
    while at < tables.len() {
        if same_name(table.name(), tables[at].name()) {
            times += 1;
        }
        at += 1;
    }
    times <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_duplicate_is_unique() {
        let all = ["a:b", "a:c", "a:b"];
        assert!(is_unique("a:c", &all));
        assert!(!is_unique("a:b", &all));
    }

    #[test]
    fn tables_are_unique_as_sqlite_compares_names_and_listed_as_written() {
        let table = TableSpec::from_static;
        let all = [table("messages"), table("posts"), table("Messages")];
        assert!(is_unique_table(&table("posts"), &all));
        assert!(!is_unique_table(&table("messages"), &all));
        assert!(is_listed(&table("posts"), &all));
        assert!(!is_listed(&table("Posts"), &all));
    }

    #[test]
    fn a_path_is_distinguished_from_a_reserved_one() {
        assert!(has_form("messages:list") && is_free("messages:list"));
        assert!(!has_form("list") && is_free("list"));
        assert!(has_form("__lunora:list") && !is_free("__lunora:list"));
    }
}
