//! The class that a shard is to the platform: `shard!` expands to it.

/// The JavaScript class of a shard. Not a public interface.
///
/// It has the name of the application's own struct. It is in a separate block, where the names that
/// `#[wasm_bindgen]` writes resolve to re-exports of this crate: so an application needs no
/// dependency on `wasm-bindgen`.
#[doc(hidden)]
#[macro_export]
#[rustfmt::skip] // It indents the attributes further with every run.
macro_rules! __shard_class {
    ($name:tt [$($table:expr),*]) => {
        const _: () = {
            type Class = $name;

            fn layout() -> *const u8 {
                use $crate::__private::layout;

                let definition = <Class as $crate::shard::ShardClass>::definition();
                let tables = [$(layout::table($table)),*];
                layout::address(::std::stringify!($name), &definition, &tables)
            }

            const _: () = {
                use $crate::__private::{js_sys, wasm_bindgen, wasm_bindgen_futures};

                #[wasm_bindgen::prelude::wasm_bindgen(
                    wasm_bindgen = $crate::__private::wasm_bindgen
                )]
                pub struct $name {
                    object: $crate::__private::ShardObject,
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
                        let definition = <Class as $crate::shard::ShardClass>::definition();
                        Self { object: $crate::__private::ShardObject::new(state, env, definition) }
                    }

                    /// Returns the layout of the class to the build, which removes this function.
                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = __layout)]
                    pub fn __layout() -> *const u8 {
                        layout()
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = __schema_is)]
                    pub fn __schema_is(&self, version: u32) {
                        self.object.schema_is(version);
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

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = __lunora_call)]
                    pub fn __call(
                        &self,
                        head: ::std::string::String,
                        body: ::std::string::String,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.call(head, body).await })
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = webSocketMessage)]
                    pub fn __websocket_message(
                        &self,
                        socket: $crate::__private::JsSocket,
                        message: wasm_bindgen::JsValue,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.websocket_message(socket, message).await })
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = webSocketClose)]
                    pub fn __websocket_close(
                        &self,
                        socket: $crate::__private::JsSocket,
                        code: u32,
                        _reason: wasm_bindgen::JsValue,
                        _was_clean: bool,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.websocket_close(socket, ::std::option::Option::Some(code)).await })
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = webSocketError)]
                    pub fn __websocket_error(
                        &self,
                        socket: $crate::__private::JsSocket,
                        _error: wasm_bindgen::JsValue,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.websocket_close(socket, ::std::option::Option::None).await })
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = alarm)]
                    pub fn __alarm(
                        &self,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.alarm().await })
                    }

                    #[doc(hidden)]
                    #[wasm_bindgen(js_name = __flush)]
                    pub fn __flush(
                        &self,
                    ) -> js_sys::Promise {
                        let object = self.object.clone();
                        $crate::__private::promise(async move { object.flush().await })
                    }
                }
            };
        };
    };
}
