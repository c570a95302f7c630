//! The paths and names that the wire reserves, and the budgets of their bodies.

/// Everything below belongs to the framework.
pub(crate) const PLANE: &str = "/_lunora/";
/// One call.
pub(crate) const RPC: &str = "/_lunora/rpc";
/// Several calls.
pub(crate) const RPC_BATCH: &str = "/_lunora/rpc-batch";
/// A live connection.
pub(crate) const WS: &str = "/_lunora/ws";
/// Reports that the Worker answers at all.
pub(crate) const STATUS: &str = "/_lunora/status";

/// The page of operators.
#[cfg(feature = "admin")]
pub(crate) const OPERATOR_PAGE: &str = "/_lunora/admin";
/// Everything below belongs to operators.
#[cfg(feature = "admin")]
pub(crate) const ADMIN: &str = "/_lunora/admin/";
/// Reports whether the Worker and its dependencies are healthy.
#[cfg(feature = "admin")]
pub(crate) const HEALTH: &str = "/_lunora/health";
/// Reports whether the Worker is ready for requests.
#[cfg(feature = "admin")]
pub(crate) const HEALTH_READY: &str = "/_lunora/health/ready";
/// A call that the scheduler makes when its time has come.
#[cfg(feature = "admin")]
pub(crate) const SCHEDULER_DISPATCH: &str = "/_lunora/scheduler/dispatch";

/// Operations of a shard that need the admin token, in the Worker and in the shard.
pub(crate) const ADMIN_PREFIX: &str = "__lunora_admin__:";

/// An operator's call in the name of a user.
#[cfg(feature = "shard")]
pub(crate) const RUN_AS: &str = "__lunora_admin__:runAs";
/// Relation reads, which only ever run across shards.
pub(crate) const RELATION_PREFIX: &str = "__lunora_relation__:";

/// Precedes the path of a shape where a shard keeps its subscriptions; no client sends it.
#[cfg(feature = "shard")]
pub(crate) const SHAPE_PREFIX: &str = "__lunora_shape__:";

/// Returns whether a path is, in any spelling, the reserved prefix or under it.
///
/// Case, repeated slashes, backslashes, dot segments and percent-encoding, once or several times,
/// make no difference: a router behind this crate may normalise its input. Routers differ in how
/// often they decode, and in whether a decoded slash separates; one reading that is reserved is
/// enough.
pub(crate) const fn is_reserved(path: &[u8]) -> bool {
    if is_reserved_as(path, Reading { separators: FULLY, names: FULLY }) {
        return true;
    }
    // Without an escape there is one reading.
    if !has_escape(path) {
        return false;
    }
    let mut separators = 0;
    while separators <= MAX_PASSES {
        let mut names = separators;
        while names <= MAX_PASSES {
            if is_reserved_as(path, Reading { separators, names }) {
                return true;
            }
            names += 1;
        }
        separators += 1;
    }
    false
}

/// The number of decoding passes that are distinguished.
const MAX_PASSES: u8 = 3;
/// Decodes the result again, for as long as anything is left to decode.
const FULLY: u8 = u8::MAX;

/// One way in which a router may read a path.
#[derive(Clone, Copy)]
struct Reading {
    /// The number of decoding passes before the path is split at slashes.
    separators: u8,
    /// The number of decoding passes before segments are compared; not fewer than `separators`.
    names: u8,
}

const fn is_reserved_as(path: &[u8], reading: Reading) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    while at < path.len() {
        let segment = read_segment(path, at, reading);
        at = segment.next;
        match segment.kind {
            SegmentKind::Same => {}
            SegmentKind::Parent => depth = depth.saturating_sub(1),
            SegmentKind::Reserved if depth == 0 => return true,
            SegmentKind::Reserved | SegmentKind::Other => depth += 1,
        }
    }
    false
}

const fn has_escape(path: &[u8]) -> bool {
    let mut at = 0;
    while at < path.len() {
        if path[at] == b'%' {
            return true;
        }
        at += 1;
    }
    false
}

#[derive(Clone, Copy)]
enum SegmentKind {
    /// An empty segment, or `.`.
    Same,
    /// `..`.
    Parent,
    /// The segment that belongs to the framework.
    Reserved,
    Other,
}

struct Segment {
    kind: SegmentKind,
    /// The index behind the separator that ends the segment.
    next: usize,
}

const fn read_segment(path: &[u8], start: usize, reading: Reading) -> Segment {
    const RESERVED: &[u8] = b"_lunora";
    let (mut at, mut length) = (start, 0);
    let (mut dots, mut matches) = (true, true);
    while at < path.len() {
        let character = if reading.names == FULLY {
            decode_fully(path, at)
        } else {
            decode(path, at, reading.names)
        };
        at = character.next;
        let byte = character.byte.to_ascii_lowercase();
        if (byte == b'/' || byte == b'\\') && character.passes <= reading.separators {
            break;
        }
        dots = dots && byte == b'.';
        matches = matches && length < RESERVED.len() && byte == RESERVED[length];
        length += 1;
    }
    let kind = match (dots, length) {
        (true, 0 | 1) => SegmentKind::Same,
        (true, 2) => SegmentKind::Parent,
        _ if matches && length == RESERVED.len() => SegmentKind::Reserved,
        _ => SegmentKind::Other,
    };
    Segment { kind, next: at }
}

#[derive(Clone, Copy)]
struct Character {
    byte: u8,
    /// The index where the next character begins.
    next: usize,
    /// The number of decoding passes that it took.
    passes: u8,
}

/// Returns the character at `at`, after `passes` passes of decoding.
const fn decode(path: &[u8], at: usize, passes: u8) -> Character {
    if passes == 0 {
        return Character { byte: path[at], next: at + 1, passes: 0 };
    }
    let first = decode(path, at, passes - 1);
    if first.byte != b'%' || first.next >= path.len() {
        return first;
    }
    let high = decode(path, first.next, passes - 1);
    let Some(upper) = hex(high.byte) else { return first };
    if high.next >= path.len() {
        return first;
    }
    let low = decode(path, high.next, passes - 1);
    let Some(lower) = hex(low.byte) else { return first };
    Character { byte: upper * 16 + lower, next: low.next, passes }
}

/// Returns the character at `at`, decoded for as long as its digits follow.
const fn decode_fully(path: &[u8], at: usize) -> Character {
    let (mut byte, mut next) = (path[at], at + 1);
    while byte == b'%' && next + 1 < path.len() {
        let (Some(high), Some(low)) = (hex(path[next]), hex(path[next + 1])) else { break };
        byte = high * 16 + low;
        next += 2;
    }
    Character { byte, next, passes: 0 }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The size at which a page of a change feed ends, in bytes; it has at least one change.
///
/// A document has 2 MB at most, so that a page with one change is smaller than [`MAX_CHANGES`] as well.
#[cfg(feature = "shard")]
pub(crate) const CHANGES_PAGE: u64 = 1024 * 1024;

/// The largest page of changes, or batch of them, in bytes.
pub(crate) const MAX_CHANGES: usize = 4 * 1024 * 1024;

/// The largest body of a call, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The URL of a call on its shard. The origin is made up: only the object sees it.
pub(crate) const SHARD_RPC: &str = "https://shard.internal/rpc";
/// The URL of a shard's part of a batch.
pub(crate) const SHARD_RPC_BATCH: &str = "https://shard.internal/rpc-batch";

/// The path of a call on its shard.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_RPC: &str = "/rpc";
/// The path of a batch on its shard.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_RPC_BATCH: &str = "/rpc-batch";
/// The path on which a shard reports its number of relays.
#[cfg(feature = "shard")]
pub(crate) const ON_SHARD_ROUTE: &str = "/_lunora/route";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_prefix_is_reserved_in_every_spelling() {
        for path in [
            "/_lunora",
            "/_lunora/",
            "/_lunora/rpc",
            "/_lunora/anything/at/all",
            "//_lunora//rpc",
            "/_LUNORA/rpc",
            "/%5Flunora/rpc",
            "/%5flunora/rpc",
            "/%5f%6C%75%6e%6f%72%61/rpc",
            "/%255flunora/rpc",
            "/_lunora%2Frpc",
            "/_lunora%252frpc",
            "%2f_lunora/rpc",
            "/.//_lunora/rpc",
            "/%2e/_lunora/rpc",
            "/a/../_lunora/rpc",
            "/a/..%2f_lunora/rpc",
            "/../_lunora",
            "/_lunora/..",
            "/\\_lunora\\rpc",
            "/%5c_lunora%5crpc",
            "/%%35flunora/rpc",
            "/%2%355flunora/rpc",
            "/%25%35flunora/rpc",
            "/a%2fb/../_lunora/rpc",
            "/a%252fb/../_lunora/rpc",
            "/a%2fb/%2e%2e/_lunora/rpc",
        ] {
            assert!(is_reserved(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn other_paths_are_the_applications() {
        for path in [
            "",
            "/",
            "/lunora/rpc",
            "/_lunor",
            "/_lunora2/rpc",
            "/_lunora.js",
            "/api/_lunora/rpc",
            "/a/b/../_lunora",
            "/%_lunora/rpc",
            "/_lunora%20/rpc",
            "/%5",
            "/caf%C3%A9",
        ] {
            assert!(!is_reserved(path.as_bytes()), "{path}");
        }
    }

    /// Generates spellings of `text`: each byte as it is, in another case, or encoded up to three
    /// times.
    fn spelling(text: &'static str) -> impl Strategy<Value = String> {
        let byte = |byte: u8| {
            let encoded = move |format: fn(u8) -> String, times: usize| {
                (0..times).fold(format(byte), |text, _| text.replacen('%', "%25", 1))
            };
            let plain = if byte == b'/' {
                "[/\\\\]{1,3}".boxed()
            } else {
                let cases = [byte, byte.to_ascii_uppercase()];
                prop::sample::select(cases.map(|byte| char::from(byte).to_string()).to_vec())
                    .boxed()
            };
            prop_oneof![
                plain,
                (0..3_usize).prop_map(move |n| encoded(|byte| format!("%{byte:02x}"), n)),
                (0..3_usize).prop_map(move |n| encoded(|byte| format!("%{byte:02X}"), n)),
            ]
        };
        text.bytes().map(byte).collect::<Vec<_>>().prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_spelling_escapes(prefix in spelling("/_lunora/"), rest in "[ -~]{0,12}") {
            let path = [prefix, rest].concat();
            prop_assert!(is_reserved(path.as_bytes()), "{}", path);
        }

        #[test]
        fn any_bytes_are_judged(path in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = is_reserved(&path);
        }

        #[test]
        fn a_first_segment_of_its_own_is_never_reserved(path in "/[a-z0-9]{1,12}(/[a-z_]{1,8}){0,3}") {
            prop_assert!(!is_reserved(path.as_bytes()));
        }
    }
}
