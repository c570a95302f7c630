//! `shard!` and `table!`.

/// Makes a Durable Object out of tables and functions; see [`lunora::shard`](mod@crate::shard).
///
/// The object's class goes into `new_sqlite_classes` of `wrangler.jsonc`. Its parts, in this order:
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
///     },
///     relations: { "messages" => newest },               // asked across shards, answered bare
///     migrations: { "add-author" on MESSAGES => { up: add_author, down: drop_author } },
///     registry: "SHARD_REGISTRY",                        // announced there; a backup needs it
///     jurisdiction: Eu,                                  // which no data leaves, the registry's neither
/// }
/// ```
///
/// All but `functions` may be left out. The jurisdiction is a variant of
/// [`Jurisdiction`](crate::Jurisdiction), and is said here alone. The struct implements
/// [`ShardClass`](crate::shard::ShardClass).
#[macro_export]
macro_rules! shard {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident;
        $(tables: [$($table:expr),* $(,)?],)?
        functions: { $($($kind:ident)+ $path:literal => $function:expr),* $(,)? }
        $(, relations: { $($relation:literal => $query:expr),* $(,)? })?
        $(, migrations: {
            $($id:literal on $migrated:expr => { up: $up:expr $(, down: $down:expr)? $(,)? }),* $(,)?
        })?
        $(, registry: $registry:literal)?
        $(, jurisdiction: $jurisdiction:ident)?
        $(,)?
    ) => {
        const _: () = {
            const PATHS: &[&str] = &[$($path),*];
            $($crate::__shard_path!($path in PATHS);)*
        };
        $(const _: () = $crate::shard::check_tables(&[$($table.spec()),*]);)?

        $(#[$meta])*
        #[allow(dead_code, reason = "a name at compile time: the platform makes the objects")]
        $visibility struct $name {
            never: ::std::convert::Infallible,
        }

        impl $crate::shard::ShardClass for $name {
            type Announcement = $crate::__shard_announcement!($($registry)?);

            $(const JURISDICTION: ::std::option::Option<$crate::Jurisdiction> =
                ::std::option::Option::Some($crate::Jurisdiction::$jurisdiction);)?

            fn definition() -> $crate::shard::ShardDefinition {
                let definition = $crate::shard::ShardDefinition::new();
                $($(let definition = definition.table($table);)*)?
                $(let definition = $crate::__shard_function!(definition, $($kind)+, $path, $function);)*
                $(let definition = $crate::__shard_schemas!(definition, [$($kind)+] $path, $function);)*
                $($(let definition = definition.relation($relation, $query);)*)?
                $($(let definition = $crate::__shard_migration!(
                    definition, $id, $migrated, $up $(, $down)?
                );)*)?
                $(let definition = definition.registry($registry);)?
                $(let definition = definition.jurisdiction($crate::Jurisdiction::$jurisdiction);)?
                definition
            }
        }

        $crate::__shard_class!($name);
    };
}

/// A table of documents, from its name: `table!("messages")`; see [`Table`](crate::shard::Table).
///
/// What is no name of a table does not compile.
#[macro_export]
macro_rules! table {
    ($name:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::shard::TableSpec = $crate::shard::TableSpec::from_static($name);
        $crate::shard::Table::from_spec(CHECKED)
    }};
}

/// One path of `shard!`, which a compile error names. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_path {
    ($path:literal in $paths:ident) => {
        match $crate::__private::check_path_among($path, $paths) {
            Ok(()) => {}
            Err($crate::shard::FunctionPathError::Taken) => {
                panic!("{}", concat!("two functions of this shard have the path `", $path, "`"))
            }
            Err($crate::shard::FunctionPathError::Reserved) => {
                panic!("{}", concat!("`", $path, "` begins with `__lunora`, which is reserved"))
            }
            Err($crate::shard::FunctionPathError::Form) => panic!(
                "{}",
                concat!(
                    "`",
                    $path,
                    "` is no path of a function: it has the form `namespace:name`, ",
                    "such as `messages:send`"
                )
            ),
        }
    };
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
    ($definition:ident, $($kind:ident)+, $path:literal, $function:expr) => {
        compile_error!(
            "a function of a shard is a `query`, a `mutation` or an `action`, with `internal` in front where only the server may call it"
        )
    };
}

/// What one function of `shard!` takes and answers, as far as its types can tell. Not a public
/// interface.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_schemas {
    ($definition:ident, [internal $kind:ident] $path:literal, $function:expr) => {
        $definition
    };
    ($definition:ident, [$kind:ident] $path:literal, $function:expr) => {
        $definition.describe($path, |info| {
            use $crate::__private::schemas::{
                NeitherHas as _, OfArgs as _, OfBoth as _, OfResult as _, Types,
            };
            (&&&Types::$kind(&$function)).describe(info)
        })
    };
}

/// Without the feature `schema` nothing is told.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_schemas {
    ($definition:ident, $($rest:tt)*) => {
        $definition
    };
}

/// One migration of `shard!`. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_migration {
    ($definition:ident, $id:literal, $table:expr, $up:expr) => {
        $definition.migration($id, $table, $up)
    };
    ($definition:ident, $id:literal, $table:expr, $up:expr, $down:expr) => {
        $definition.reversible_migration($id, $table, $up, $down)
    };
}

/// Whether a class announces its shards.
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
