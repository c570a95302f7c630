//! The headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).

use std::fmt;

use headers::HeaderMapExt;
use http::{HeaderMap, HeaderName, header::HeaderValue};

pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace of a request and the span that sent it (`traceparent`), in version 00.
#[derive(Clone, Copy, Eq, PartialEq)]
struct TraceParent([u8; Self::LENGTH]);

/// What tracing systems add to a trace (`tracestate`), bounded to [`TraceState::MAX`] bytes.
#[derive(Clone)]
struct TraceState(HeaderValue);

/// A trace, and the span in it that makes the calls: both headers.
#[derive(Clone)]
pub(crate) struct Trace {
    parent: TraceParent,
    state: Option<TraceState>,
}

impl Trace {
    /// Starts a trace, with ids from `random`.
    pub(crate) fn start(random: impl FnMut() -> u64) -> Self {
        Self { parent: TraceParent::start(random), state: None }
    }

    /// Reads the trace of a request; `None` if it is absent or malformed.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let parent = TraceParent::of(headers)?;
        Some(Self { parent, state: TraceState::of(headers) })
    }

    /// Returns the same trace with another span, whose id comes from `random`.
    pub(crate) fn next(mut self, random: impl FnMut() -> u64) -> Self {
        self.parent = self.parent.next(random);
        self
    }

    /// Returns the id of the trace: 32 digits.
    pub(crate) fn trace_id(&self) -> &str {
        self.parent.trace_id()
    }

    /// Returns the id of the span: 16 digits.
    pub(crate) fn span_id(&self) -> &str {
        self.parent.span_id()
    }

    /// Returns the value of `traceparent`.
    pub(crate) fn parent(&self) -> &str {
        self.parent.text(0..TraceParent::LENGTH)
    }

    /// Reads what [`parent`](Self::parent) returned.
    pub(crate) fn from_parent(text: &str) -> Option<Self> {
        Some(Self { parent: TraceParent::parse(text.as_bytes())?, state: None })
    }

    /// Sets both headers in place of every value that they have.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.typed_insert(self.parent);
        match &self.state {
            Some(state) => {
                headers.insert(TRACE_STATE, state.0.clone());
            }
            None => {
                headers.remove(TRACE_STATE);
            }
        }
    }
}

header!(TraceParent, TRACE_PARENT);

impl TraceParent {
    /// The length of `00-<trace id>-<span id>-<flags>`.
    const LENGTH: usize = 55;
    /// The flag that the caller may have recorded the trace, the only one that version 00 defines.
    const SAMPLED: u8 = 1;

    /// Starts a trace, with ids from `random`.
    fn start(mut random: impl FnMut() -> u64) -> Self {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        write_hex(&mut text[3..19], random());
        write_hex(&mut text[19..35], non_zero(random()));
        write_hex(&mut text[36..52], non_zero(random()));
        Self(text)
    }

    /// Returns the same trace with another span, whose id comes from `random`.
    fn next(mut self, mut random: impl FnMut() -> u64) -> Self {
        write_hex(&mut self.0[36..52], non_zero(random()));
        self
    }

    /// Reads the only value of the header. Several values are as malformed as one that is not of
    /// version 00.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACE_PARENT).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        Self::read(value)
    }

    fn trace_id(&self) -> &str {
        self.text(3..35)
    }

    fn span_id(&self) -> &str {
        self.text(36..52)
    }

    fn text(&self, range: std::ops::Range<usize>) -> &str {
        self.0.get(range).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut text: [u8; Self::LENGTH] = text.try_into().ok()?;
        let is_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |part: &[u8]| is_hex(part) && part.iter().any(|digit| *digit != b'0');
        let valid = text.starts_with(b"00-")
            && is_id(&text[3..35])
            && text[35] == b'-'
            && is_id(&text[36..52])
            && text[52] == b'-'
            && is_hex(&text[53..]);
        if !valid {
            return None;
        }
        // The other flags must be sent as zeros: version 00 does not define them.
        let digit = text[54];
        let flags = if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        text[53] = b'0';
        text[54] = b'0' + (flags & Self::SAMPLED);
        Some(Self(text))
    }

    fn read(value: &HeaderValue) -> Option<Self> {
        Self::parse(value.as_bytes())
    }

    fn write(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(0..Self::LENGTH))
    }
}

impl TraceState {
    /// The most bytes that are passed on.
    const MAX: usize = 512;

    /// Reads the members of every value of the header as one list. The last members, which are the
    /// oldest, are left out where the list would exceed [`MAX`](Self::MAX). A malformed list is
    /// absent.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut list = String::new();
        let mut full = false;
        for value in headers.get_all(TRACE_STATE) {
            for member in value.to_str().ok()?.split(',').map(str::trim) {
                if member.is_empty() {
                    continue;
                }
                member
                    .split_once('=')
                    .filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
                full |= list.len() + usize::from(!list.is_empty()) + member.len() > Self::MAX;
                if !full {
                    list.extend([if list.is_empty() { "" } else { "," }, member]);
                }
            }
        }
        if list.is_empty() { None } else { HeaderValue::try_from(list).ok().map(Self) }
    }
}

/// An id of zeros is not valid.
fn non_zero(number: u64) -> u64 {
    number.max(1)
}

fn write_hex(into: &mut [u8], mut number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for digit in into.iter_mut().rev() {
        *digit = DIGITS[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let value = |value: &&str| (name.clone(), HeaderValue::from_str(value).unwrap());
        values.iter().map(value).collect()
    }

    fn of_numbers(numbers: [u64; 3]) -> impl FnMut() -> u64 {
        let mut numbers = numbers.into_iter();
        move || numbers.next().unwrap()
    }

    fn parent(values: &[&str]) -> Option<String> {
        TraceParent::of(&of(&TRACE_PARENT, values)).map(|parent| format!("{parent:?}"))
    }

    fn state(values: &[&str]) -> Option<String> {
        let state = TraceState::of(&of(&TRACE_STATE, values))?;
        Some(state.0.to_str().unwrap().to_owned())
    }

    #[test]
    fn accepts_one_value_of_version_00_and_no_other() {
        assert_eq!(parent(&[VALID]).as_deref(), Some(VALID));
        for malformed in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        ] {
            assert_eq!(parent(&[malformed]), None, "{malformed}");
        }
        assert_eq!(parent(&[VALID, VALID]), None);
        assert_eq!(parent(&[]), None);
    }

    #[test]
    fn sends_undefined_flags_as_zeros() {
        for (flags, sent) in [("00", "00"), ("01", "01"), ("03", "01"), ("fe", "00"), ("ff", "01")]
        {
            let value = VALID.replace("-01", &format!("-{flags}"));
            let expected = VALID.replace("-01", &format!("-{sent}"));
            assert_eq!(parent(&[&value]), Some(expected), "{flags}");
        }
    }

    #[test]
    fn leaves_out_the_oldest_members_beyond_512_bytes() {
        let member = |key: char, bytes: usize| format!("{key}={}", "x".repeat(bytes - 2));
        let (a, b, c) = (member('a', 255), member('b', 256), member('c', 10));
        assert_eq!(state(&[&a, &b]), Some(format!("{a},{b}")));
        assert_eq!(state(&[&format!("{a}, {b},{c}")]), Some(format!("{a},{b}")));
        assert_eq!(state(&[&a, &member('b', 257), &c]), Some(a));
        assert_eq!(state(&[&member('a', 513)]), None);
    }

    #[test]
    fn treats_a_malformed_list_as_absent() {
        for malformed in ["", ",", "a", "=1", "a=", "a=1,b", "a=\u{e9}"] {
            assert_eq!(state(&[malformed]), None, "{malformed}");
        }
        assert_eq!(state(&["a=1", "b=2,,"]).as_deref(), Some("a=1,b=2"));
    }

    proptest! {
        #[test]
        fn writes_what_it_reads(random: [u64; 3], other: u64) {
            let start = TraceParent::start(of_numbers(random));
            prop_assert_eq!(TraceParent::parse(&start.0), Some(start));
            let next = start.next(|| other);
            prop_assert_eq!(TraceParent::parse(&next.0), Some(next));
            prop_assert_eq!(start.trace_id(), next.trace_id());
            prop_assert_eq!(start.span_id() == next.span_id(), random[2] == other);
        }

        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = TraceParent::parse(&bytes);
        }
    }

    #[test]
    fn an_id_has_the_digits_of_its_numbers() {
        let start =
            TraceParent::start(of_numbers([0x4bf9_2f35_77b3_4da6, 0xa3ce, 0xf067_aa0b_a902_b700]));
        let expected = "00-4bf92f3577b34da6000000000000a3ce-f067aa0ba902b700-01";
        assert_eq!(format!("{start:?}"), expected);
    }

    #[test]
    fn ids_of_zeros_are_not_sent() {
        let start = TraceParent::start(|| 0);
        assert_eq!(TraceParent::parse(&start.0), Some(start));
    }
}
