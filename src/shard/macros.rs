//! `shard!` and `table!`.

/// Makes a Durable Object out of tables and functions; see [`lunora::shard`](mod@crate::shard).
///
/// The object's class goes into `new_sqlite_classes` of `wrangler.jsonc`. Its parts, in any order:
///
/// ```text
/// lunora::shard! {
///     pub struct Room;
///     tables: [MESSAGES, MEMBERS],
///     functions: {
///         query "messages:list" => list,
///         mutation "messages:send" => send,
///         internal mutation "messages:sweep" => sweep,   // for the server alone
///         action "messages:digest" => digest,
///         stream "messages:summary" => summary,          // chunk by chunk, over a live connection
///         shape "messages:pinned" => pinned,             // rows that a client keeps in step
///         connect "members:join" => join,                // a mutation, when a live connection begins
///         disconnect "members:leave" => leave,           // and when it ends
///     },
///     relations: { "messages" => newest },               // asked across shards, answered bare
///     migrations: {
///         "add-author" on MESSAGES => { up: add_author, down: drop_author },
///         "drop-members" drops "members",                // a table, or an index: "messages.by_author"
///     },
///     registry: "SHARD_REGISTRY",                        // announced there; a backup needs it
///     rest: { "GET /channels/{shardKey}/messages" => "messages:list" },   // plain HTTP, by `Builder::rest`
///     jurisdiction: Eu,                                  // which no data leaves, the registry's neither
/// }
/// ```
///
/// All but `functions` are optional. The jurisdiction is a variant of
/// [`Jurisdiction`](crate::platform::Jurisdiction), and is declared only here. The struct implements
/// [`ShardClass`](crate::shard::ShardClass).
#[macro_export]
macro_rules! shard {
    ($(#[$meta:meta])* $visibility:vis struct $name:tt; $($parts:tt)*) => {
        $crate::__shard_parts! {
            [$(#[$meta])* $visibility struct $name] [] [] [] [] [] [] [] $($parts)*
        }
    };
    ($($other:tt)*) => {
        ::std::compile_error!(
            "`shard!` begins with the name of its class and a semicolon, such as `pub struct Room;`"
        );
    };
}

/// The name of an index of a table, checked at compile time: `index!(MESSAGES, "by_author")`.
///
/// ```
/// use lunora::shard::{Query, Table, index, table};
/// # use lunora::{LunoraError, shard::Document, wire::value::Value};
///
/// const MESSAGES: Table = table!("messages").index("by_author", &["author"]);
///
/// fn of(ctx: &Query<'_>, author: &str) -> Result<Vec<Document<Value>>, LunoraError> {
///     ctx.db().table(MESSAGES).index(index!(MESSAGES, "by_author")).eq("author", author).take(20)
/// }
/// ```
///
/// Another name does not compile, and the error lists the indexes of the table:
///
/// ```compile_fail
/// # use lunora::shard::{Table, index, table};
/// const MESSAGES: Table = table!("messages").index("by_author", &["author"]);
/// let name = index!(MESSAGES, "by_autor");
/// ```
#[macro_export]
macro_rules! index {
    ($table:expr, $name:literal $(,)?) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: &str = $table.spec().index_named($name);
        CHECKED
    }};
}

/// Expands `shard!`, once its parts are in order. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_emit {
    (
        [$(#[$meta:meta])* $visibility:vis struct $name:tt]
        [$([$($table:expr),*])?]
        [{ $($($kind:ident)+ $path:literal => $function:expr),* $(,)? }]
        [$({ $($relation:literal => $query:expr),* })?]
        [$({ $(
            $id:literal
            $(on $migrated:expr => { up: $up:expr $(, down: $down:expr)? })?
            $(drops $dropped:literal)?
        ),* })?]
        [$($registry:literal)?]
        [$($jurisdiction:tt)?]
        [$({ $($route:literal => $exposed:literal $(cache $policy:literal)?),* })?]
    ) => {
        $($crate::__shard_kind! { $path $($kind)+ })*
        $($($crate::__shard_work! { $id $(on $migrated)? $(drops $dropped)? })*)?
        $($crate::__shard_jurisdiction! { @check $jurisdiction })?

        const _: () = {
            use $crate::__private::faults::{self, Is};

            const PATHS: &[&str] = &[$($path),*];
            const TABLES: &[$crate::shard::TableSpec] =
                <$name as $crate::shard::ShardClass>::TABLES;
            const RELATIONS: &[&str] = &[$($($relation),*)?];
            const MIGRATIONS: &[&str] = &[$($($id),*)?];
            #[allow(dead_code)]
            const KINDS: &[(&str, &str)] = &[$(($path, ::std::stringify!($($kind)+))),*];

            #[allow(dead_code)]
            fn check() {
                $(faults::path(
                    $path,
                    Is::<{ faults::has_form($path) }>,
                    Is::<{ faults::is_free($path) }>,
                    Is::<{ faults::is_unique($path, PATHS) }>,
                );)*
                $($(faults::table(
                    $table,
                    Is::<{ faults::is_unique_table(&$table.spec(), TABLES) }>,
                );)*)?
                $($(faults::relation(
                    $relation,
                    Is::<{ faults::is_unique($relation, RELATIONS) }>,
                );)*)?
                $($(faults::rest(
                    $route,
                    Is::<{ faults::is_rest_route($route) }>,
                    Is::<{ faults::is_exposable($exposed, KINDS) }>,
                    Is::<{ faults::may_be_read($route, $exposed, KINDS) }>,
                );)*)?
                $($(
                    faults::migration($id, Is::<{ faults::is_unique($id, MIGRATIONS) }>);
                    $(faults::migrated(
                        $migrated,
                        Is::<{ faults::is_listed(&$migrated.spec(), TABLES) }>,
                    );)?
                    $(faults::drops($dropped, Is::<{ faults::may_be_dropped($dropped, TABLES) }>);)?
                )*)?
            }

        };

        $(#[$meta])*
        #[allow(dead_code, reason = "a name at compile time: the platform makes the objects")]
        $visibility struct $name {
            never: ::std::convert::Infallible,
        }

        impl $crate::shard::ShardClass for $name {
            type Announcement = $crate::__shard_announcement!($($registry)?);

            $(const JURISDICTION: ::std::option::Option<$crate::platform::Jurisdiction> =
                ::std::option::Option::Some($crate::__shard_jurisdiction!($jurisdiction));)?

            const TABLES: &'static [$crate::shard::TableSpec] = &[$($($table.spec()),*)?];

            fn definition() -> $crate::shard::ShardDefinition {
                let definition = $crate::shard::ShardDefinition::new();
                $($(let definition = definition.table($table);)*)?
                $(let definition = $crate::__shard_function!(definition, $($kind)+, $path, $function);)*
                $(let definition = $crate::__shard_schemas!(definition, [$($kind)+] $path, $function);)*
                $($(let definition = definition.relation($relation, $query);)*)?
                $($(let definition = $crate::__shard_migration!(
                    definition, $id $(, on $migrated, $up $(, $down)?)? $(, drops $dropped)?
                );)*)?
                $($(let definition = $crate::__shard_rest!(definition, $route, $exposed $(, $policy)?);)*)?
                $(let definition = definition.registry($registry);)?
                $(let definition = definition.jurisdiction($crate::__shard_jurisdiction!($jurisdiction));)?
                definition
            }
        }

        $crate::__shard_class!($name [$($($table),*)?]);
        $crate::__shard_written!($name);
    };
    ([$(#[$meta:meta])* $visibility:vis struct $name:tt] $t:tt [] $($rest:tt)*) => {
        $crate::__shard_fault! { without_functions $name }
        $crate::__shard_stub! { [$visibility struct $name] }
    };
    ($head:tt $t:tt [{ $($rows:tt)* }] $($rest:tt)*) => {
        $crate::__shard_rows! { $($rows)* }
        $crate::__shard_stub! { $head }
    };
}

/// A table of documents, from its name: `table!("messages")`; see [`Table`](crate::shard::Table).
///
/// An invalid name of a table does not compile.
#[macro_export]
macro_rules! table {
    ($name:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::shard::TableSpec = $crate::shard::TableSpec::from_static($name);
        $crate::shard::Table::from_spec(CHECKED)
    }};
}

/// One function of `shard!`. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_function {
    ($definition:ident, query, $path:literal, $function:expr) => {
        $definition.query($path, $function)
    };
    ($definition:ident, mutation, $path:literal, $function:expr) => {
        $definition.mutation($path, $function)
    };
    ($definition:ident, action, $path:literal, $function:expr) => {
        $definition.action($path, $function)
    };
    ($definition:ident, internal query, $path:literal, $function:expr) => {
        $definition.internal_query($path, $function)
    };
    ($definition:ident, internal mutation, $path:literal, $function:expr) => {
        $definition.internal_mutation($path, $function)
    };
    ($definition:ident, internal action, $path:literal, $function:expr) => {
        $definition.internal_action($path, $function)
    };
    ($definition:ident, stream, $path:literal, $function:expr) => {
        $definition.stream($path, $function)
    };
    ($definition:ident, shape, $path:literal, $function:expr) => {
        $definition.shape($path, $function)
    };
    ($definition:ident, connect, $path:literal, $function:expr) => {
        $definition.connect($path, $function)
    };
    ($definition:ident, disconnect, $path:literal, $function:expr) => {
        $definition.disconnect($path, $function)
    };
    // `__shard_kind` has refused it.
    ($definition:ident, $($kind:ident)+, $path:literal, $function:expr) => {
        $definition
    };
}

/// Describes the types of one function of `shard!`, as far as they have schemas. Not a public
/// interface.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_schemas {
    ($definition:ident, [query] $path:literal, $function:expr) => {
        $crate::__shard_schemas!(@typed $definition, query, $path, $function)
    };
    ($definition:ident, [mutation] $path:literal, $function:expr) => {
        $crate::__shard_schemas!(@typed $definition, mutation, $path, $function)
    };
    ($definition:ident, [action] $path:literal, $function:expr) => {
        $crate::__shard_schemas!(@typed $definition, action, $path, $function)
    };
    ($definition:ident, [stream] $path:literal, $function:expr) => {
        $crate::__shard_schemas!(@typed $definition, stream, $path, $function)
    };
    ($definition:ident, [$($kind:ident)+] $path:literal, $function:expr) => {
        $definition
    };
    (@typed $definition:ident, $kind:ident, $path:literal, $function:expr) => {
        $definition.describe($path, |info| {
            use $crate::__private::schemas::{
                NeitherHas as _, OfArgs as _, OfBoth as _, OfResult as _,
            };
            (&&&$crate::__private::schemas::$kind($function)).describe(info)
        })
    };
}

/// Without the feature `schema` it expands to nothing.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_schemas {
    ($definition:ident, $($rest:tt)*) => {
        $definition
    };
}

/// Writes the functions of a shard for `lunora codegen client`, which runs this test. Not a public
/// interface.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_written {
    ($name:ident) => {
        #[cfg(test)]
        #[test]
        #[allow(non_snake_case, unnameable_test_items, reason = "it has the name of the shard")]
        fn $name() -> ::std::io::Result<()> {
            $crate::__private::schemas::write::<$name>(::std::concat!(
                ::std::module_path!(),
                "::",
                ::std::stringify!($name)
            ))
        }
    };
}

/// Without the feature `schema` it expands to nothing.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_written {
    ($name:ident) => {};
}

/// A jurisdiction by its name. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_jurisdiction {
    (Eu) => {
        $crate::platform::Jurisdiction::Eu
    };
    (Us) => {
        $crate::platform::Jurisdiction::Us
    };
    (FedRamp) => {
        $crate::platform::Jurisdiction::FedRamp
    };
    (@check Eu) => {};
    (@check Us) => {};
    (@check FedRamp) => {};
    (@check $other:tt) => {
        $crate::__shard_fault! { unknown_jurisdiction $other }
    };
    // The check has refused it.
    ($other:tt) => {
        $crate::platform::Jurisdiction::Eu
    };
}

/// One migration of `shard!`. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_migration {
    ($definition:ident, $id:literal, on $table:expr, $up:expr) => {
        $definition.migration($id, $table, $up)
    };
    ($definition:ident, $id:literal, on $table:expr, $up:expr, $down:expr) => {
        $definition.reversible_migration($id, $table, $up, $down)
    };
    ($definition:ident, $id:literal, drops $dropped:literal) => {
        $definition.drops($id, $dropped)
    };
    // `__shard_work` has refused it.
    ($definition:ident, $($other:tt)*) => {
        $definition
    };
}

/// One route of the part `rest` of `shard!`. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_rest {
    ($definition:ident, $route:literal, $path:literal) => {
        $definition.rest($route, $path)
    };
    ($definition:ident, $route:literal, $path:literal, $policy:literal) => {
        $definition.rest_cached($route, $path, $policy)
    };
}

/// Chooses whether a class announces its shards.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_announcement {
    () => {
        $crate::shard::Unannounced
    };
    ($registry:literal) => {
        $crate::shard::Announced
    };
}
