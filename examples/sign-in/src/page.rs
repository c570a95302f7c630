//! The page: static files, and a policy that allows nothing else.

use lunora::{
    prelude::*,
    routing::{Route, RoutePattern},
};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Returns the page, its files, and those of the package `lunora-client`.
pub fn routes() -> [Route<Env>; 5] {
    const INDEX: &str = include_str!("../../../packages/client/dist/index.js");
    const AUTH: &str = include_str!("../../../packages/client/dist/auth.js");
    [
        file(route!("GET /"), HTML, include_str!("../public/index.html")),
        file(route!("GET /app.js"), SCRIPT, include_str!("../public/app.js")),
        file(route!("GET /style.css"), STYLE, include_str!("../public/style.css")),
        file(route!("GET /lunora-client/index.js"), SCRIPT, INDEX),
        file(route!("GET /lunora-client/auth.js"), SCRIPT, AUTH),
    ]
}

fn file(path: RoutePattern, media_type: &'static str, text: &'static str) -> Route<Env> {
    Route::new(path, async move |_request, _env, _ctx| {
        Response::body(text)
            .with_header("content-type", media_type)
            .with_header("content-security-policy", POLICY)
            .with_header("cache-control", "no-cache")
    })
}
