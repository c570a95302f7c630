//! The pages, in a router of [axum](https://docs.rs/axum).

use axum::{
    Router,
    body::{Body, to_bytes},
    response::IntoResponse,
    routing::get,
};
use lunora::{prelude::*, routing::RouteContext};
use tower_service::Service;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The longest body that is read for the router, in bytes.
const LIMIT: usize = 1 << 20;

fn router() -> Router {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("../public/index.html"))))
        .route(
            "/app.js",
            get(|| file("text/javascript; charset=utf-8", include_str!("../public/app.js"))),
        )
        .route(
            "/style.css",
            get(|| file("text/css; charset=utf-8", include_str!("../public/style.css"))),
        )
}

async fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        ("content-type", media_type),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
    ];
    (headers, text)
}

/// Answers a request by the router.
pub async fn route(
    mut request: Request,
    _env: &Env,
    _ctx: &RouteContext<'_>,
) -> Result<Response, LunoraError> {
    let body = request.bytes(LIMIT).await?;
    let request = request.into_http().map(|_| Body::from(body));
    let Ok(response) = router().call(request).await;
    let (head, body) = response.into_parts();
    let failed = |error| LunoraError::internal("a page could not be read").with_source(error);
    let body = to_bytes(body, usize::MAX).await.map_err(failed)?;
    Ok(Response::from(http::Response::from_parts(head, body.into())))
}
