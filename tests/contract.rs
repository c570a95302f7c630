//! The contract of identities, by whichever way a call comes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use futures::executor::block_on;
use lunora::{
    Identity, LunoraError, Request, Response,
    access::InvalidIdentity,
    platform::NoopExecutionContext,
    testing::{self, MemoryEnvironment, MemoryNamespace},
};

/// Returns the status of each way, the number of requests that reached a shard, and the users whom the
/// gate was asked about.
fn ask(invalid: InvalidIdentity, role: &str) -> (Vec<u16>, usize, bool) {
    let shards =
        MemoryNamespace::new(async |_, _| Response::raw_json(r#"{"result":1,"results":[]}"#));
    let identity = Identity::user("ada").with_claim("role", role);
    let app = testing::builder()
        .shard_do(shards.clone())
        .resolve_identity(async move |_request, _env| Some(identity.clone()))
        .identity_contract(invalid, |identity| match identity.claim("role") {
            Some(role) if role == "member" => Ok(()),
            _ => Err(LunoraError::internal("secret words of the contract")),
        })
        .authorize_shard(async |_access| true)
        .build();
    let requests = [
        Request::post("https://x.test/_lunora/rpc", r#"{"functionPath":"a:b"}"#),
        Request::post("https://x.test/_lunora/rpc-batch", r#"{"calls":[{"functionPath":"a:b"}]}"#),
        Request::get("https://x.test/_lunora/ws")
            .with_header("upgrade", "websocket")
            .with_header("origin", "https://x.test"),
    ];
    let statuses = requests.map(|request| {
        let response =
            block_on(app.fetch(request, &MemoryEnvironment::new(), &NoopExecutionContext));
        response.status().as_u16()
    });
    let calls = shards.calls();
    let named = calls.iter().any(|call| call.headers.contains_key("x-lunora-userid"));
    (statuses.to_vec(), calls.len(), named)
}

#[test]
fn refuses_an_invalid_identity_before_any_shard() {
    assert_eq!(ask(InvalidIdentity::Refuse, "guest"), (vec![401, 401, 401], 0, false));
}

#[test]
fn an_invalid_identity_may_be_anonymous() {
    let (statuses, calls, named) = ask(InvalidIdentity::Anonymous, "guest");
    assert_eq!((&statuses[..2], calls, named), (&[200, 200][..], 3, false));
}

#[test]
fn a_valid_identity_passes() {
    for invalid in [InvalidIdentity::Refuse, InvalidIdentity::Anonymous] {
        assert_eq!(ask(invalid, "member").1, 3);
        assert!(ask(invalid, "member").2);
    }
}
