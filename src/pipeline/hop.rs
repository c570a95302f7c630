//! The hop from the Worker to a shard: which headers of a request pass, and which are added.

use headers::HeaderMapExt;
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName},
};

use crate::{
    message::{Request, origin_of},
    wire::headers::{
        BASE_SEQ, BOOKMARK, CLIENT_ID, CLIENT_SEQ, ClientIp, MUTATION_ID, PublicOrigin,
        TRACE_PARENT, TRACE_STATE,
    },
};

const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
const LUNORA_PREFIX: &str = "x-lunora-";

/// The headers that a call forwards to its shard as the client sent them.
///
/// An allow-list: stripping `x-lunora-*` wholesale would lose the mutation id, and a replayed
/// write would run twice.
const FORWARDED: [HeaderName; 7] =
    [AUTHORIZATION, COOKIE, BOOKMARK, MUTATION_ID, CLIENT_ID, CLIENT_SEQ, BASE_SEQ];

/// Returns the headers of a call to a shard, before the identity and the trace are added.
pub(crate) fn for_rpc(request: &Request) -> HeaderMap {
    let inbound = request.headers();
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for name in &FORWARDED {
        for value in inbound.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    insert_facts(request, &mut headers);
    headers
}

/// Returns the headers of a batch to a shard: those of a call, without the ids and numbers that
/// each entry has itself.
pub(crate) fn for_batch(request: &Request) -> HeaderMap {
    let mut headers = for_rpc(request);
    for name in [MUTATION_ID, CLIENT_ID, CLIENT_SEQ, BASE_SEQ] {
        headers.remove(name);
    }
    headers
}

/// Returns the headers of an upgrade to a shard, before the identity and the trace are added:
/// everything that the client sent, except every `x-lunora-*` and its trace.
pub(crate) fn for_upgrade(request: &Request) -> HeaderMap {
    let inbound = request.headers();
    let mut headers = HeaderMap::with_capacity(inbound.len() + 6);
    for (name, value) in inbound {
        let is_trace = *name == TRACE_PARENT || *name == TRACE_STATE;
        if !is_trace && !name.as_str().starts_with(LUNORA_PREFIX) {
            headers.append(name, value.clone());
        }
    }
    insert_facts(request, &mut headers);
    headers
}

/// Returns the caller's address, from the only header that the platform itself sets.
///
/// `x-forwarded-for` is never read: any client can set it.
pub(crate) fn client_ip(inbound: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = inbound.get_all(CONNECTING_IP).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let address = value.as_bytes().trim_ascii();
    (!address.is_empty() && !address.contains(&b',')).then_some(value)
}

/// Adds the facts that the Worker itself knows: the caller's address, and the public origin of the
/// Worker.
fn insert_facts(request: &Request, headers: &mut HeaderMap) {
    if let Some(value) = client_ip(request.headers()) {
        headers.typed_insert(ClientIp(value.clone()));
    }
    headers.typed_insert(PublicOrigin(origin_of(request.uri())));
}

#[cfg(test)]
mod tests {
    use headers::Header;

    use super::*;

    fn inbound() -> Request {
        Request::get("https://X.test:443/a?b")
            .with_header("authorization", "Bearer t")
            .with_header("cookie", "sid=1")
            .with_header("x-d1-bookmark", "b")
            .with_header("x-lunora-mutation-id", "m")
            .with_header("x-lunora-client-id", "c")
            .with_header("x-lunora-client-seq", "7")
            .with_header("x-lunora-base-seq", "6")
            .with_header("x-lunora-origin", "https://evil.example")
            .with_header("x-lunora-userid", "mallory")
            .with_header("x-lunora-identity", "e30")
            .with_header("x-lunora-identity-exp", "9")
            .with_header("x-lunora-system", "1")
            .with_header("x-lunora-client-ip", "6.6.6.6")
            .with_header("x-forwarded-for", "6.6.6.6")
            .with_header("cf-connecting-ip", "192.0.2.1")
            .with_header("x-other", "kept on upgrades")
    }

    #[test]
    fn a_call_carries_the_allow_list_and_nothing_else() {
        let headers = for_rpc(&inbound());
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "authorization",
                "content-type",
                "cookie",
                "x-d1-bookmark",
                "x-lunora-base-seq",
                "x-lunora-client-id",
                "x-lunora-client-ip",
                "x-lunora-client-seq",
                "x-lunora-mutation-id",
                "x-lunora-origin"
            ]
        );
        assert_eq!(headers[ClientIp::name()], "192.0.2.1");
        assert_eq!(headers[PublicOrigin::name()], "https://x.test");
    }

    #[test]
    fn an_upgrade_loses_every_lunora_header_of_the_client() {
        let headers = for_upgrade(&inbound());
        assert_eq!(headers["x-other"], "kept on upgrades");
        assert_eq!(headers["authorization"], "Bearer t");
        let ours: Vec<_> =
            headers.keys().filter(|name| name.as_str().starts_with("x-lunora-")).collect();
        assert_eq!(ours, [ClientIp::name(), PublicOrigin::name()]);
        assert_eq!(headers[ClientIp::name()], "192.0.2.1");
        assert_eq!(headers[PublicOrigin::name()], "https://x.test");
    }

    #[test]
    fn a_list_of_addresses_is_not_an_address() {
        for address in ["192.0.2.1, 6.6.6.6", " "] {
            let request = Request::get("https://x.test/").with_header("cf-connecting-ip", address);
            assert!(!for_rpc(&request).contains_key(ClientIp::name()), "{address}");
        }
    }
}
