//! One test per rule of `identity.rs`.

use base64::Engine;
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::wire::headers;

fn minted(identity: &Identity) -> HeaderMap {
    let mut headers = HeaderMap::new();
    identity.mint(&mut headers);
    headers
}

#[test]
fn an_id_is_raw_only_where_a_header_carries_it_unchanged() {
    for (id, raw) in [
        ("ada", true),
        ("José", true),
        ("a b", true),
        ("=ada", false),
        ("部屋", false),
        (" ada", false),
        ("ada\t", false),
        ("a\nb", false),
        ("a\u{7f}", false),
    ] {
        let headers = minted(&Identity::user(id));
        assert_eq!(!headers[headers::USER_ID].as_bytes().starts_with(b"="), raw, "{id:?}");
        assert_eq!(Identity::from_headers(&headers), Some(Identity::user(id)));
    }
}

#[test]
fn claims_travel_without_the_user_id() {
    let claims = json!({"userId": "ada", "role": "admin", "näme": "José"});
    let identity = Identity::from_claims(claims.as_object().unwrap().clone());
    let headers = minted(&identity);
    assert_eq!(Identity::from_headers(&headers), Some(identity));
    assert_eq!(headers[headers::USER_ID], "ada");
    assert!(!headers[headers::IDENTITY].to_str().unwrap().contains('='));
}

#[test]
fn a_shard_reads_old_claims_and_takes_malformed_ones_for_none() {
    let read = |claims: &[u8]| {
        let mut headers = HeaderMap::new();
        headers.insert(headers::IDENTITY, HeaderValue::from_bytes(claims).unwrap());
        Identity::from_headers(&headers).map(|identity| identity.claims().len())
    };
    assert_eq!(read(br#"{"role":"admin"}"#), Some(1));
    for malformed in ["{", "!", "W10", "eyJh", "\u{e9}"] {
        assert_eq!(read(malformed.as_bytes()), None, "{malformed}");
    }
}

#[test]
fn an_empty_identity_mints_nothing() {
    assert!(minted(&Identity::default()).is_empty());
    assert!(minted(&Identity::user("")).is_empty());
}

#[test]
fn the_expiry_is_in_milliseconds_and_prefers_its_own_claim() {
    let expiry = |identity: Identity| minted(&identity).get(headers::IDENTITY_EXPIRY).cloned();
    assert_eq!(
        expiry(Identity::user("a").with_claim("exp", 1_700_000_000)).unwrap(),
        "1700000000000"
    );
    assert_eq!(expiry(Identity::user("a").with_claim("exp", 1).expires_at_ms(5)).unwrap(), "5");
    assert_eq!(expiry(Identity::user("a").with_claim("exp", "soon")), None);
}

#[test]
fn a_negative_expiry_is_expired_and_minted_as_the_beginning_of_time() {
    for identity in [
        Identity::user("a").with_claim("exp", -1),
        Identity::user("a").expires_at_ms(-1),
        Identity::user("a").expires_at_ms(i64::MIN),
        Identity::user("a").with_claim("exp", -1e300),
    ] {
        assert!(identity.is_expired(0), "{identity:?}");
        assert_eq!(minted(&identity)[headers::IDENTITY_EXPIRY], "0", "{identity:?}");
    }
}

#[test]
fn an_identity_expires_with_its_millisecond() {
    let identity = Identity::user("a").with_claim("exp", 2);
    assert!(!identity.is_expired(1_999));
    assert!(identity.is_expired(2_000));
    assert!(!Identity::user("a").is_expired(u64::MAX));
}

#[cfg(feature = "shard")]
#[test]
fn a_minted_expiry_that_cannot_be_read_is_expired() {
    let check = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(headers::IDENTITY_EXPIRY, HeaderValue::from_str(value).unwrap());
        check_minted_expiry(&headers, 1_000).map_err(|error| error.code().to_owned())
    };
    assert_eq!(check("1001"), Ok(()));
    for value in ["1000", "0", "-1", "", "soon", "1e9", "2000.5", " 2000", "0x7d0"] {
        assert_eq!(check(value), Err("TOKEN_EXPIRED".to_owned()), "{value:?}");
    }
    assert!(check_minted_expiry(&HeaderMap::new(), 1_000).is_ok());
}

#[test]
fn refuses_a_replay_under_another_identity() {
    let check = |json: &str, user: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert(headers::EXPECT_SUBJECT, BASE64_URL.encode(json).try_into().unwrap());
        check_expected_subject(&headers, user.map(Identity::user).as_ref())
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(check(r#"{"subject":"ada"}"#, Some("ada")), Ok(()));
    assert_eq!(check(r#"{"subject":null}"#, None), Ok(()));
    for (json, user) in [
        (r#"{"subject":"ada"}"#, None),
        (r#"{"subject":"ada"}"#, Some("bob")),
        (r#"{"subject":null}"#, Some("ada")),
    ] {
        assert_eq!(check(json, user), Err("IDENTITY_MISMATCH".into()), "{json} {user:?}");
    }
    for json in ["", "null", "{}", r#"{"subject":1}"#, "[]", r#"["ada"]"#, r#"{"subject":"ada""#] {
        assert_eq!(check(json, Some("ada")), Err("BAD_REQUEST".into()), "{json}");
    }
    assert!(check_expected_subject(&HeaderMap::new(), None).is_ok());
}

proptest! {
    #[test]
    fn every_id_and_claim_survives_the_headers(id in "\\PC{1,40}|.{1,40}", key in ".{0,20}", value in ".{0,40}") {
        prop_assume!(key != "userId");
        let identity = Identity::user(&*id).with_claim(&*key, &*value);
        prop_assert_eq!(Identity::from_headers(&minted(&identity)), Some(identity));
    }
}
