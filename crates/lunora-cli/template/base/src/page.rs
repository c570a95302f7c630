//! The page at `/`: static files, and a policy that allows nothing else.

use lunora::{
    Response,
    prelude::*,
    routing::{Route, RoutePattern},
};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page and its files.
pub fn routes() -> [Route<Env>; 3] {
    [
        file(route!("GET /"), "text/html; charset=utf-8", include_str!("../public/index.html")),
        file(
            route!("GET /app.js"),
            "text/javascript; charset=utf-8",
            include_str!("../public/app.js"),
        ),
        file(
            route!("GET /style.css"),
            "text/css; charset=utf-8",
            include_str!("../public/style.css"),
        ),
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
