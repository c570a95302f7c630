//! The page: plain files, under a policy that allows them and nothing else.

use lunora::{Response, Route, prelude::*};

/// Nothing inline, nothing from elsewhere; sockets and calls to this origin only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page and what belongs to it.
pub fn routes<E: 'static>() -> [Route<E>; 4] {
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
        file(route!("GET /icon.svg"), "image/svg+xml", include_str!("../public/icon.svg")),
    ]
}

fn file<E: 'static>(
    path: lunora::RoutePattern,
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
