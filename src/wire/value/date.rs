//! [`Date`]: a point in time, as JavaScript counts it.

/// The largest distance from the epoch a JavaScript date can hold, in milliseconds.
const MAX_MILLIS: f64 = 8.64e15;

/// A point in time: whole milliseconds since 1970-01-01 UTC, or invalid.
///
/// Two invalid dates differ, as NaN differs from itself.
///
/// ```
/// use lunora::wire::value::Date;
///
/// assert_eq!(Date::from_millis(1_700_000_000_000.9).millis(), Some(1_700_000_000_000));
/// assert_eq!(Date::from_millis(8.65e15).millis(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date(f64);

impl Date {
    /// Returns the date that `new Date(millis)` makes: truncated to a whole millisecond, and
    /// invalid beyond 8.64e15 either way.
    #[must_use]
    pub fn from_millis(millis: f64) -> Self {
        if millis.abs() <= MAX_MILLIS {
            // Adding zero turns -0 into 0.
            Self(millis.trunc() + 0.0)
        } else {
            Self(f64::NAN)
        }
    }

    /// Milliseconds since the epoch, or `None` if the date is invalid.
    #[must_use]
    pub fn millis(self) -> Option<i64> {
        // Exact: a valid date is an integer well below 2^53.
        (!self.0.is_nan()).then_some(self.0 as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_as_javascript_does() {
        for (millis, clipped) in [
            (0.0, Some(0)),
            (-0.9, Some(0)),
            (1.9, Some(1)),
            (-1.9, Some(-1)),
            (8.64e15, Some(8_640_000_000_000_000)),
            (-8.64e15, Some(-8_640_000_000_000_000)),
            (8.640000000000001e15, None),
            (f64::INFINITY, None),
            (f64::NEG_INFINITY, None),
            (f64::NAN, None),
        ] {
            assert_eq!(Date::from_millis(millis).millis(), clipped, "{millis}");
        }
    }
}
