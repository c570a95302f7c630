//! One test per rule of `headers.rs` and its files.

use ::headers::{Header, HeaderMapExt};
use http::HeaderMap;

use super::*;

fn read<H: Header>(values: &[&[u8]]) -> Option<H> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(H::name(), HeaderValue::from_bytes(value).unwrap());
    }
    headers.typed_get()
}

fn written<H: Header>(header: H) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.typed_insert(header);
    headers
}

#[test]
fn writes_each_header_as_the_wire_has_it() {
    let subject = ExpectedSubject { subject: Some("ada".to_owned()) };
    for (headers, name, value) in [
        (written(System), "x-lunora-system", "1"),
        (written(MutationId::new("m-1").unwrap()), "x-lunora-mutation-id", "m-1"),
        (written(MutationId::new("").unwrap()), "x-lunora-mutation-id", ""),
        (written(UserId("ada".into())), "x-lunora-userid", "ada"),
        (written(UserId("=".into())), "x-lunora-userid", "=PQ"),
        (written(IdentityExpiry(7)), "x-lunora-identity-exp", "7"),
        (written(PublicOrigin("https://x.test".to_owned())), "x-lunora-origin", "https://x.test"),
        (written(subject), "x-lunora-expect-subject", "eyJzdWJqZWN0IjoiYWRhIn0"),
        (
            written(AnsweringShard::of(&ShardKey::new("José").unwrap()).unwrap()),
            "x-lunora-shard-key",
            "José",
        ),
    ] {
        assert_eq!(headers.len(), 1, "{name}");
        assert_eq!(headers[name].as_bytes(), value.as_bytes(), "{name}");
    }
}

#[test]
fn a_header_that_was_there_is_replaced() {
    let mut headers = HeaderMap::new();
    headers.append(USER_ID, HeaderValue::from_static("mallory"));
    headers.append(USER_ID, HeaderValue::from_static("mallory"));
    headers.typed_insert(UserId("ada".into()));
    assert_eq!(headers.get_all(USER_ID).iter().collect::<Vec<_>>(), ["ada"]);
}

#[test]
fn of_several_values_the_first_counts() {
    assert_eq!(read(&[b"ada", b"bob"]).map(|UserId(id)| id), Some("ada".into()));
    assert!(read::<System>(&[b"0", b"1"]).is_none());
}

#[test]
fn a_shard_key_beyond_latin_1_is_in_no_header() {
    assert!(AnsweringShard::of(&ShardKey::new("部屋").unwrap()).is_none());
}

#[test]
fn an_id_that_no_header_carries_is_refused() {
    assert_eq!(MutationId::new("a\nb").err().unwrap().code(), "BAD_REQUEST");
}

#[test]
fn only_one_marks_a_call_of_the_server() {
    assert!(read::<System>(&[b"1"]).is_some());
    for value in [&b"0"[..], b"", b"true", b"11"] {
        assert!(read::<System>(&[value]).is_none(), "{value:?}");
    }
}

#[cfg(feature = "shard")]
#[test]
fn an_empty_id_and_one_that_is_not_utf_8_count_as_absent() {
    assert_eq!(read(&["né".as_bytes()]).map(MutationId::into_string), Some("né".to_owned()));
    assert_eq!(read(&[b"c"]).map(ClientId::into_string), Some("c".to_owned()));
    for value in [&b""[..], b"\xff"] {
        assert!(read::<MutationId<'_>>(&[value]).is_none());
        assert!(read::<ClientId>(&[value]).is_none());
    }
}

#[cfg(feature = "shard")]
#[test]
fn the_number_of_a_write_is_positive_and_exact() {
    let number = |value: &str| read(&[value.as_bytes()]).map(|ClientSeq(seq)| seq);
    assert_eq!(number("1"), Some(1));
    assert_eq!(number("9007199254740991"), Some(9_007_199_254_740_991));
    for value in ["", "0", "-1", "1.5", "9007199254740992", "x"] {
        assert_eq!(number(value), None, "{value}");
    }
}
