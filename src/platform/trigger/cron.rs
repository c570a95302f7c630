//! Cron expressions, as Cloudflare's triggers read them.

mod parse;
mod schedule;

use std::{borrow::Cow, fmt, iter, str::FromStr};

use self::parse::parse;

/// A cron expression: five fields, in UTC, as Cloudflare reads them.
///
/// Minute (0-59), hour (0-23), day of month (1-31), month (1-12 or `JAN`-`DEC`), day of week (1-7
/// or `SUN`-`SAT`; **Sunday is 1**, so Monday to Friday is `MON-FRI` or `2-6`, and not `1-5`). A field
/// is `*`, or a list of values and ranges, each with a step if need be: `2-6`, `*/10`, `MON,WED`. A
/// range may wrap: `22-6`, `FRI-MON`. Instead of a list, the day of month may be `L` (the last), `L-3`
/// (three days before it), `LW` and `L-3W` (the weekday nearest to those) or `15W` (the weekday nearest
/// the 15th); the day of week `L` (Saturday), `6L` (the last Friday) or `2#1` (the first Monday).
///
/// Where both days are restricted, that is neither is `*`, a day that fits one of them is enough.
/// [`next_after`](Self::next_after), [`previous_at_or_before`](Self::previous_at_or_before) and
/// [`upcoming`](Self::upcoming) return the times.
///
/// The text is kept as it was written, because it is compared as text with the trigger that fired.
/// [`cron!`](crate::cron) checks an expression in code at compile time.
///
/// ```
/// use lunora::{cron, schedule::CronExpression};
///
/// const NIGHTLY: CronExpression = cron!("0 3 * * *");
/// assert_eq!(NIGHTLY.as_str(), "0 3 * * *");
/// assert!("0 3 * *".parse::<CronExpression>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CronExpression(Cow<'static, str>);

/// A [`CronExpression`](crate::schedule::CronExpression) from a literal, checked at compile time.
///
/// ```compile_fail
/// let _ = lunora::cron!("0 3 * *");
/// ```
#[macro_export]
macro_rules! cron {
    ($cron:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::schedule::CronExpression =
            $crate::schedule::CronExpression::from_static($cron);
        CHECKED
    }};
}

impl CronExpression {
    /// Returns an expression that is written in code.
    ///
    /// # Panics
    /// Panics on an invalid expression. Use [`cron!`](crate::cron), where that is a compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `cron!`, in a const context")]
    pub const fn from_static(cron: &'static str) -> Self {
        match parse(cron.as_bytes()) {
            Ok(_) => Self(Cow::Borrowed(cron)),
            Err(error) => panic!("{}", error.sentence()),
        }
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first time later than `ms` at which the trigger is due, in milliseconds since
    /// 1970; `None` if the time is out of range.
    ///
    /// ```
    /// use lunora::cron;
    ///
    /// assert_eq!(cron!("0 3 * * *").next_after(0), Some(3 * 3_600_000));
    /// assert_eq!(cron!("0 3 * * *").next_after(3 * 3_600_000), Some(27 * 3_600_000));
    /// ```
    #[must_use]
    pub fn next_after(&self, ms: i64) -> Option<i64> {
        parse(self.0.as_bytes()).ok()?.next_after(ms)
    }

    /// Returns the last time, `ms` or earlier, at which the trigger was due, in milliseconds since
    /// 1970; `None` if the time is out of range.
    ///
    /// ```
    /// use lunora::cron;
    ///
    /// assert_eq!(cron!("0 3 * * *").previous_at_or_before(5 * 3_600_000), Some(3 * 3_600_000));
    /// assert_eq!(cron!("0 3 * * *").previous_at_or_before(3 * 3_600_000), Some(3 * 3_600_000));
    /// ```
    #[must_use]
    pub fn previous_at_or_before(&self, ms: i64) -> Option<i64> {
        parse(self.0.as_bytes()).ok()?.previous_at_or_before(ms)
    }

    /// Returns every time later than `ms` at which the trigger is due, in order, in milliseconds
    /// since 1970.
    ///
    /// ```
    /// use lunora::cron;
    ///
    /// let hours: Vec<i64> =
    ///     cron!("0 */8 * * *").upcoming(0).take(3).map(|ms| ms / 3_600_000).collect();
    /// assert_eq!(hours, [8, 16, 24]);
    /// ```
    pub fn upcoming(&self, ms: i64) -> impl Iterator<Item = i64> + use<> {
        let schedule = parse(self.0.as_bytes()).ok();
        let next = move |ms: i64| schedule.as_ref()?.next_after(ms);
        iter::successors(next(ms), move |ms| next(*ms))
    }
}

impl FromStr for CronExpression {
    type Err = CronError;

    fn from_str(cron: &str) -> Result<Self, CronError> {
        parse(cron.as_bytes())?;
        Ok(Self(Cow::Owned(cron.to_owned())))
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reason why a text is not a cron expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
#[non_exhaustive]
pub enum CronError {
    /// The number of fields is not five.
    FieldCount,
    /// The minute is malformed.
    Minute,
    /// The hour is malformed.
    Hour,
    /// The day of the month is malformed.
    DayOfMonth,
    /// The month is malformed.
    Month,
    /// The day of the week is malformed.
    DayOfWeek,
    /// The day of the week is 0.
    SundayIsOne,
    /// No month of the expression has its day.
    NeverFires,
}

impl CronError {
    const fn sentence(self) -> &'static str {
        match self {
            Self::FieldCount => {
                "a cron expression has five fields between spaces: minute, hour, day of month, month, day of week"
            }
            Self::Minute => "the first field of a cron expression is the minute: 0 to 59",
            Self::Hour => "the second field of a cron expression is the hour: 0 to 23",
            Self::DayOfMonth => {
                "the third field of a cron expression is the day of the month: 1 to 31, or alone `L`, `L-3`, `LW` or `15W`"
            }
            Self::Month => {
                "the fourth field of a cron expression is the month: 1 to 12, or JAN to DEC"
            }
            Self::DayOfWeek => {
                "the fifth field of a cron expression is the day of the week: 1 to 7 (Sunday is 1), or SUN to SAT; or alone `L`, `6L` or `2#1`"
            }
            Self::NeverFires => "the cron expression never fires: no month of it has that day",
            Self::SundayIsOne => {
                "a cron expression's week begins with Sunday as 1 on Cloudflare, not as 0: write 1 or SUN"
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
