//! The page: static files, and a policy that allows nothing else.

use lunora::{Response, prelude::*, routing::Route};

/// Allows files, calls and sockets of this origin, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Embeds a file of the built package `lunora-client`.
macro_rules! client {
    ($name:literal) => {
        include_str!(concat!("../../../packages/client/dist/", $name))
    };
}

/// Returns the page and its files.
pub fn routes<E: 'static>() -> [Route<E>; 8] {
    [
        file(route!("GET /"), HTML, include_str!("../public/index.html")),
        file(route!("GET /app.js"), SCRIPT, include_str!("../public/app.js")),
        file(route!("GET /view.js"), SCRIPT, include_str!("../public/view.js")),
        file(route!("GET /client/api.js"), SCRIPT, include_str!("../client/api.js")),
        file(route!("GET /lunora-client/index.js"), SCRIPT, client!("index.js")),
        file(route!("GET /lunora-client/pages.js"), SCRIPT, client!("pages.js")),
        file(route!("GET /style.css"), STYLE, include_str!("../public/style.css")),
        file(route!("GET /icon.svg"), "image/svg+xml", include_str!("../public/icon.svg")),
    ]
}

fn file<E: 'static>(
    path: lunora::routing::RoutePattern,
    media_type: &'static str,
    text: &'static str,
) -> Route<E> {
    Route::new(path, async move |_request, _env, _ctx| {
        Response::body(text)
            .with_header("content-type", media_type)
            .with_header("content-security-policy", POLICY)
            .with_header("cache-control", "no-cache")
    })
}
