//! `shard_registry!`.

/// Defines the Durable Object class of a shard registry.
///
/// The registry lists the shards that hold rows. Shards of a [`shard!`](crate::shard!) with
/// `registry: "SHARD_REGISTRY"` announce themselves to it, and
/// [`DurableShardRegistry`](crate::coordinator::DurableShardRegistry) reads it for queries across shards, backups
/// and exports. The entries are in the SQLite of one object.
///
/// ```no_run
/// use lunora::prelude::*;
///
/// lunora::shard_registry! {
///     /// Lists the rooms.
///     pub struct ShardRegistry;
/// }
///
/// fn app(env: &Env) -> Result<Lunora, LunoraError> {
///     let registry = DurableShardRegistry::new(env.durable_object("SHARD_REGISTRY")?);
///     Ok(Lunora::builder()
///         .shard_do(env.durable_object("SHARD")?)
///         .query_coordinator(QueryCoordinator::new(registry))
///         .build())
/// }
///
/// lunora::serve!(app);
/// # fn main() {}
/// ```
///
/// In `wrangler.jsonc` the class needs a binding and a migration:
///
/// ```jsonc
/// "durable_objects": { "bindings": [
///     { "name": "SHARD_REGISTRY", "class_name": "ShardRegistry" },
/// ] },
/// "migrations": [{ "tag": "v1", "new_sqlite_classes": ["ShardRegistry"] }],
/// ```
///
/// Keep the binding out of every public route: the object does not authenticate its callers. For
/// other storage than SQLite, or a class with more methods, write the class yourself over
/// [`ShardRegistryObject`](crate::coordinator::ShardRegistryObject); the documentation of
/// [`SqlRegistryStorage`](crate::platform::SqlRegistryStorage) shows how.
#[macro_export]
macro_rules! shard_registry {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident $(;)?) => {
        $(#[$meta])*
        #[allow(dead_code, reason = "a name at compile time: the platform makes the object")]
        $visibility struct $name {
            never: ::std::convert::Infallible,
        }

        const _: () = {
            use $crate::__private::{js_sys, wasm_bindgen, wasm_bindgen_futures};

            #[wasm_bindgen::prelude::wasm_bindgen(
                wasm_bindgen = $crate::__private::wasm_bindgen
            )]
            pub struct $name {
                object: $crate::__private::RegistryObject,
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                wasm_bindgen = $crate::__private::wasm_bindgen,
                wasm_bindgen_futures = $crate::__private::wasm_bindgen_futures,
                js_sys = $crate::__private::js_sys
            )]
            impl $name {
                #[doc(hidden)]
                #[wasm_bindgen(constructor, wasm_bindgen = $crate::__private::wasm_bindgen)]
                pub fn new(
                    state: $crate::__private::JsObjectState,
                    env: $crate::__private::Env,
                ) -> Self {
                    // `lunora-build` recognizes the class of an object by the names `state` and `env`.
                    let _ = env;
                    Self { object: $crate::__private::RegistryObject::new(state) }
                }

                #[doc(hidden)]
                #[wasm_bindgen(js_name = fetch)]
                pub fn __fetch(
                    &self,
                    request: $crate::__private::JsRequest,
                ) -> js_sys::Promise {
                    let object = self.object.clone();
                    $crate::__private::promise(async move { object.fetch(request).await })
                }
            }
        };
    };
}
