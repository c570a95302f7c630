//! How often a call allocates on its way through the pipeline: a number that no machine changes.
//!
//! A budget that is exceeded is a regression, or is raised here with a reason.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures::executor::block_on;
use lunora::{
    Identity, LunoraError, NoopExecutionContext, Request, Response, Security, origin,
    security::Cors,
    testing::{self, MemoryEnvironment, MemoryNamespace},
};

/// The most allocations of one call with an identity, an origin that CORS knows, and a shard in
/// memory that answers at once.
const CALL: u64 = 40;

/// The most that 100 KiB of arguments may take on top of that: they are copied, not parsed.
const LARGE: u64 = 1;

#[test]
fn a_call_allocates_within_its_budget() {
    let app = testing::builder()
        .shard_do(MemoryNamespace::new(async |_address, _request| {
            Response::raw_json(r#"{"result":1}"#)
        }))
        .security(
            Security::default()
                .cors(Cors::origins([origin!("https://app.example.com")]).allow_credentials()),
        )
        .resolve_identity(async |request, _env| match request.bearer() {
            Some("token") => Ok(Some(Identity::user("ada"))),
            _ => Err(LunoraError::unauthorized("the token is not valid")),
        })
        .authorize_shard(async |access| access.identity.is_some())
        .build();
    let env = MemoryEnvironment::new();
    let call = |args: &str| {
        let body = format!(r#"{{"functionPath":"a:b","shardKey":"general","args":{args}}}"#);
        let mut request = Request::post("https://app.test/_lunora/rpc", body);
        let headers = request.headers_mut();
        headers.insert("origin", "https://app.example.com".parse().unwrap());
        headers.insert("authorization", "Bearer token".parse().unwrap());
        let counted = allocation_counter::measure(|| {
            let response = block_on(app.fetch(request, &env, &NoopExecutionContext));
            assert_eq!(response.status(), 200);
        });
        counted.count_total
    };
    // The first call settles what is settled once.
    call("{}");
    let small = call(r#"{"limit":50}"#);
    let large = call(&format!(r#"{{"text":"{}"}}"#, "x".repeat(100 * 1024)));
    assert!(small <= CALL, "{small} allocations, the budget is {CALL}");
    assert!(large <= small + LARGE, "{large} allocations, {small} for a small call");
}
