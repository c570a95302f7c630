//! The entry of a Worker: [`serve!`](crate::serve) and its parts.

mod events;
mod plans;
mod registry_macro;
mod registry_object;
#[cfg(feature = "tower")]
mod service;
#[cfg(feature = "shard")]
mod shard_macro;
#[cfg(feature = "shard")]
mod shard_object;

#[cfg(feature = "tower")]
pub use self::service::{LunoraService, ServiceBody, ServiceBodyError};

pub use crate::platform::PerIsolate;

/// Exports `fetch` and `scheduled` for a function that builds the [`Lunora`](crate::Lunora) of a Worker,
/// and `queue` and `email` if they are listed after it: `serve!(app, queue, email)`.
///
/// The function runs once per isolate, on the first event; its Worker serves every later event. If
/// it fails, the response is 500, the error is logged, and the next event tries again.
///
/// A `scheduled` that fails makes the Cron invocation fail. A `queue` that fails makes the platform
/// deliver the batch again, and so does a batch for which the builder has no
/// [`queue`](crate::builder::Builder::queue). An `email` that fails gives the sender a temporary error.
///
/// ```no_run
/// use lunora::prelude::*;
///
/// fn app(env: &Env) -> Result<Lunora, LunoraError> {
///     Ok(Lunora::builder().shard_do(env.durable_object("SHARD")?).build())
/// }
///
/// lunora::serve!(app);
/// # fn main() {}
/// ```
///
/// # Without the macro
///
/// `serve!` is a convenience. The same with `#[event(fetch)]` of the crate `worker`:
///
/// ```no_run
/// use lunora::{entry::PerIsolate, prelude::*};
/// use worker::{Context, event};
///
/// thread_local! {
///     static APP: PerIsolate<Lunora> = const { PerIsolate::new() };
/// }
///
/// #[event(fetch)]
/// async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response, LunoraError> {
///     let app = APP.with(|app| app.get_or_build(|| build(&env)))?;
///     Ok(app.fetch(request, &env, &ctx).await)
/// }
///
/// fn build(env: &Env) -> Result<Lunora, LunoraError> {
///     Ok(Lunora::builder().shard_do(env.durable_object("SHARD")?).build())
/// }
/// # fn main() {}
/// ```
///
/// That crate's `#[event(scheduled)]` drops the result of its handler, so that a failed run looks
/// like a successful one; use `serve!` if a failure must be visible.
#[macro_export]
macro_rules! serve {
    ($app:expr $(, $event:ident)* $(,)?) => {
        const _: () = {
            use $crate::__private::{js_sys, wasm_bindgen, wasm_bindgen_futures};

            ::std::thread_local! {
                static APP: $crate::entry::PerIsolate<$crate::__private::Application> =
                    const { $crate::entry::PerIsolate::new() };
            }

            fn build(
                env: &$crate::__private::Env,
            ) -> ::std::result::Result<$crate::__private::Application, $crate::LunoraError> {
                $crate::__private::build($app, env)
            }

            fn built(env: &$crate::__private::Env) -> $crate::__private::Built {
                APP.with(|app| app.get_or_build(|| build(env)))
            }

            /// The application, in the environment that JavaScript knows if it is built here.
            fn known() -> $crate::__private::Built {
                APP.with(|app| app.get_or_build(|| build(&$crate::__private::environment())))
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = fetch,
                                wasm_bindgen = $crate::__private::wasm_bindgen
                            )]
            pub fn __lunora_fetch(
                request: $crate::__private::JsRequest,
                env: $crate::__private::Env,
                ctx: $crate::__private::JsContext,
            ) -> ::std::result::Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue> {
                $crate::__private::fetch(built(&env), request, env, ctx)
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = __lunora_plan,
                                wasm_bindgen = $crate::__private::wasm_bindgen
                            )]
            pub fn __lunora_plan(
                message: &str,
            ) -> ::std::string::String {
                $crate::__private::plan(known(), message)
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = __lunora_dress,
                                wasm_bindgen = $crate::__private::wasm_bindgen
                            )]
            pub fn __lunora_dress(
                dressing: &str,
                head: &str,
            ) -> ::std::option::Option<::std::string::String> {
                $crate::__private::dress(known(), dressing, head)
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = __lunora_undelivered,
                                wasm_bindgen = $crate::__private::wasm_bindgen
                            )]
            pub fn __lunora_undelivered(
                dressing: &str,
                trace: &str,
                key: &str,
                timeout_ms: ::std::option::Option<f64>,
                thrown: wasm_bindgen::JsValue,
            ) -> ::std::result::Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue> {
                $crate::__private::undelivered(known(), dressing, trace, key, timeout_ms, thrown)
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = __lunora_front,
                                wasm_bindgen = $crate::__private::wasm_bindgen
                            )]
            pub fn __lunora_front(
                env: $crate::__private::Env,
            ) -> ::std::result::Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue> {
                $crate::__private::front(built(&env))
            }

            #[wasm_bindgen::prelude::wasm_bindgen(
                                js_name = scheduled,
                                wasm_bindgen = $crate::__private::wasm_bindgen,
                                wasm_bindgen_futures = $crate::__private::wasm_bindgen_futures,
                                js_sys = $crate::__private::js_sys
                            )]
            pub fn __lunora_scheduled(
                event: $crate::__private::JsScheduledEvent,
                env: $crate::__private::Env,
                ctx: $crate::__private::JsScheduleContext,
            ) -> js_sys::Promise {
                $crate::__private::promise($crate::__private::scheduled(built(&env), event, env, ctx))
            }

            $($crate::__serve_event!($event);)*
        };
    };
}

/// Exports one more event of [`serve!`], inside of its expansion.
#[doc(hidden)]
#[macro_export]
macro_rules! __serve_event {
    (queue) => {
        #[wasm_bindgen::prelude::wasm_bindgen(
                                    js_name = queue,
                                    wasm_bindgen = $crate::__private::wasm_bindgen,
                                    wasm_bindgen_futures = $crate::__private::wasm_bindgen_futures,
                                    js_sys = $crate::__private::js_sys
                                )]
        pub fn __lunora_queue(
            batch: wasm_bindgen::JsValue,
            env: $crate::__private::Env,
            ctx: $crate::__private::JsContext,
        ) -> js_sys::Promise {
            $crate::__private::promise($crate::__private::queue(built(&env), batch, env, ctx))
        }
    };
    (email) => {
        #[wasm_bindgen::prelude::wasm_bindgen(
                                    js_name = email,
                                    wasm_bindgen = $crate::__private::wasm_bindgen,
                                    wasm_bindgen_futures = $crate::__private::wasm_bindgen_futures,
                                    js_sys = $crate::__private::js_sys
                                )]
        pub fn __lunora_email(
            email: wasm_bindgen::JsValue,
            env: $crate::__private::Env,
            ctx: $crate::__private::JsContext,
        ) -> js_sys::Promise {
            $crate::__private::promise($crate::__private::email(built(&env), email, env, ctx))
        }
    };
    ($other:ident) => {
        ::core::compile_error!(::core::concat!(
            "`serve!` exports no event `",
            ::core::stringify!($other),
            "`: expected `queue` or `email`; `fetch` and `scheduled` are always exported"
        ));
    };
}

/// Used by the expansions of `serve!`, `shard!` and `shard_registry!`. Not a public interface.
#[doc(hidden)]
pub mod private {
    pub use worker::{
        Env, js_sys, wasm_bindgen, wasm_bindgen_futures,
        web_sys::Request as JsRequest,
        worker_sys::{
            Context as JsContext, ScheduleContext as JsScheduleContext,
            ScheduledEvent as JsScheduledEvent,
        },
    };

    #[cfg(feature = "shard")]
    pub use worker::web_sys::WebSocket as JsSocket;
    pub use worker::worker_sys::DurableObjectState as JsObjectState;

    #[cfg(feature = "shard")]
    pub use super::shard_object::ShardObject;
    pub use super::{
        events::{Application, Built, build, email, fetch, promise, queue, scheduled},
        plans::{dress, environment, front, plan, undelivered},
        registry_object::RegistryObject,
    };
    #[cfg(all(feature = "shard", feature = "schema"))]
    pub use crate::shard::schemas;
    #[cfg(feature = "shard")]
    pub use crate::shard::{faults, layout};
}
