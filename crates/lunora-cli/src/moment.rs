//! Moments, in arguments and in manifests.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// A moment, to the millisecond.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Timestamp::now())
    }

    pub(crate) fn of_ms(ms: i64) -> Option<Self> {
        Timestamp::from_millisecond(ms).ok().map(Self)
    }

    pub(crate) fn as_ms(self) -> i64 {
        self.0.as_millisecond()
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The parser of timestamps ignores a zone in brackets, which may contradict the offset.
        if text.contains('[') {
            return Err("a zone in brackets may contradict the offset: leave it out, as in \
                        2026-05-04T05:02:01+02:00"
                .to_owned());
        }
        text.parse().map(Self).map_err(|_| {
            "expected a moment with a zone, such as 2026-05-04T03:02:01Z or \
             2026-05-04T05:02:01+02:00"
                .to_owned()
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_zone() {
        let utc: Moment = "2026-05-04T03:02:01Z".parse().unwrap();
        let berlin: Moment = "2026-05-04T05:02:01+02:00".parse().unwrap();
        assert_eq!(utc, berlin);
        assert!("2026-05-04T03:02:01".parse::<Moment>().is_err());
        let contradiction = "2026-05-04T09:41:00-07:00[Europe/Berlin]".parse::<Moment>();
        assert!(contradiction.unwrap_err().contains("may contradict the offset"));
        assert!("yesterday".parse::<Moment>().is_err());
        let milliseconds: Moment = "1970-01-01T00:00:01.234Z".parse().unwrap();
        assert_eq!(milliseconds.as_ms(), 1234);
    }
}
