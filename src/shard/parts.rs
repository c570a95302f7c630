//! Reads the parts of `shard!`, in any order, and finds the token that a compile error is about.

/// Collects the parts of `shard!`: the head, then one slot for each part, then what is left to
/// read. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_parts {
    ($head:tt $t:tt $f:tt $r:tt $m:tt $g:tt $j:tt $h:tt) => {
        $crate::__shard_emit! { $head $t $f $r $m $g $j $h }
    };
    (
        $head:tt [] $f:tt $r:tt $m:tt $g:tt $j:tt $h:tt
        tables: [$($table:expr),* $(,)?] $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! { $head [[$($table),*]] $f $r $m $g $j $h $($($rest)*)? }
    };
    ($head:tt $t:tt [] $r:tt $m:tt $g:tt $j:tt $h:tt functions: { $($rows:tt)* } $(, $($rest:tt)*)?) => {
        $crate::__shard_parts! { $head $t [{ $($rows)* }] $r $m $g $j $h $($($rest)*)? }
    };
    (
        $head:tt $t:tt $f:tt [] $m:tt $g:tt $j:tt $h:tt
        relations: { $($relation:literal => $query:expr),* $(,)? } $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! {
            $head $t $f [{ $($relation => $query),* }] $m $g $j $h $($($rest)*)?
        }
    };
    (
        $head:tt $t:tt $f:tt $r:tt [] $g:tt $j:tt $h:tt
        migrations: {
            $(
                $id:literal
                $(on $table:expr => { up: $up:expr $(, down: $down:expr)? $(,)? })?
                $(drops $dropped:literal)?
            ),* $(,)?
        } $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! {
            $head $t $f $r
            [{ $($id $(on $table => { up: $up $(, down: $down)? })? $(drops $dropped)?),* }]
            $g $j $h $($($rest)*)?
        }
    };
    (
        $head:tt $t:tt $f:tt $r:tt $m:tt [] $j:tt $h:tt
        registry: $registry:literal $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! { $head $t $f $r $m [$registry] $j $h $($($rest)*)? }
    };
    (
        $head:tt $t:tt $f:tt $r:tt $m:tt $g:tt [] $h:tt
        jurisdiction: $jurisdiction:tt $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! { $head $t $f $r $m $g [$jurisdiction] $h $($($rest)*)? }
    };
    (
        $head:tt $t:tt $f:tt $r:tt $m:tt $g:tt $j:tt []
        rest: { $($route:literal => $path:literal $(cache $policy:literal)?),* $(,)? } $(, $($rest:tt)*)?
    ) => {
        $crate::__shard_parts! {
            $head $t $f $r $m $g $j [{ $($route => $path $(cache $policy)?),* }] $($($rest)*)?
        }
    };
    ($head:tt $t:tt $f:tt $r:tt $m:tt $g:tt $j:tt $h:tt $key:tt $($rest:tt)*) => {
        $crate::__shard_part_fault! { $key $key; $t $f $r $m $g $j $h }
        $crate::__shard_stub! { $head }
    };
}

/// Reports the error in a part, by its name and its slot. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_part_fault {
    (tables $key:tt; [] $f:tt $r:tt $m:tt $g:tt $j:tt $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (functions $key:tt; $t:tt [] $r:tt $m:tt $g:tt $j:tt $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (relations $key:tt; $t:tt $f:tt [] $m:tt $g:tt $j:tt $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (migrations $key:tt; $t:tt $f:tt $r:tt [] $g:tt $j:tt $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (registry $key:tt; $t:tt $f:tt $r:tt $m:tt [] $j:tt $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (jurisdiction $key:tt; $t:tt $f:tt $r:tt $m:tt $g:tt [] $h:tt) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (rest $key:tt; $t:tt $f:tt $r:tt $m:tt $g:tt $j:tt []) => {
        $crate::__shard_fault! { malformed_part $key }
    };
    (tables $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (functions $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (relations $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (migrations $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (registry $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (jurisdiction $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    (rest $key:tt; $($slots:tt)*) => { $crate::__shard_fault! { part_twice $key } };
    ($unknown:ident $key:tt; $($slots:tt)*) => {
        $crate::__shard_fault! { unknown_part $key }
    };
    ($($other:tt)*) => {
        ::std::compile_error!(
            "a part of `shard!` begins with its name, such as `tables: [MESSAGES]`, and ends with a comma"
        );
    };
}

/// Checks the kinds of functions one by one. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_kind {
    ($path:literal query) => {};
    ($path:literal mutation) => {};
    ($path:literal action) => {};
    ($path:literal stream) => {};
    ($path:literal shape) => {};
    ($path:literal connect) => {};
    ($path:literal disconnect) => {};
    ($path:literal internal query) => {};
    ($path:literal internal mutation) => {};
    ($path:literal internal action) => {};
    ($path:literal $($unknown:tt)*) => {
        const _: () = $crate::__private::faults::unknown_kind($path);
    };
}

/// Checks that a migration has its work. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_work {
    ($id:literal on $table:expr) => {};
    ($id:literal drops $name:literal) => {};
    ($id:literal $($other:tt)*) => {
        const _: () = $crate::__private::faults::without_work($id);
    };
}

/// Finds the first function that is malformed. Not a public interface.
///
/// Four at once, where they are good: the depth of the compiler's recursion is limited.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_rows {
    (
        $($a:ident)+ $b:literal => $c:expr, $($d:ident)+ $e:literal => $f:expr,
        $($g:ident)+ $h:literal => $i:expr, $($j:ident)+ $k:literal => $l:expr,
        $($rest:tt)*
    ) => {
        $crate::__shard_rows! { $($rest)* }
    };
    ($($kind:ident)+ $path:literal => $function:expr, $($rest:tt)*) => {
        $crate::__shard_rows! { $($rest)* }
    };
    ($first:tt $($rest:tt)*) => { $crate::__shard_row_fault! { $first $first } };
}

/// Reports the error in a function, by its first token. Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_row_fault {
    ($ident:ident $first:tt) => {
        $crate::__shard_fault! { malformed_function $first }
    };
    ($literal:literal $first:tt) => {
        const _: () = $crate::__private::faults::malformed_function($first);
    };
    ($($other:tt)*) => {
        ::std::compile_error!(
            "a function of `shard!` has the form `query \"namespace:name\" => function`"
        );
    };
}

/// Fails on a name that the application wrote: a type of that name has not what `$check` asks for.
/// Not a public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_fault {
    ($check:ident $name:tt) => {
        const _: () = {
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy)]
            struct $name;
            $crate::__private::faults::$check($name)
        };
    };
}

/// The class of a shard that does not compile, so that its uses cause no further errors. Not a
/// public interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __shard_stub {
    ([$(#[$meta:meta])* $visibility:vis struct $name:tt]) => {
        #[allow(dead_code, missing_docs)]
        $visibility struct $name {
            never: ::std::convert::Infallible,
        }

        impl $crate::shard::ShardClass for $name {
            type Announcement = $crate::shard::Announced;

            fn definition() -> $crate::shard::ShardDefinition {
                $crate::shard::ShardDefinition::new()
            }
        }
    };
}
