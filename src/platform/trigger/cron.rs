//! Cron expressions, as Cloudflare's triggers read them.

use std::{borrow::Cow, fmt, str::FromStr};

/// When a trigger fires: five fields, in UTC, as Cloudflare reads them.
///
/// Minute (0-59), hour (0-23), day of month (1-31), month (1-12 or `JAN`-`DEC`), day of week (1-7
/// or `SUN`-`SAT`; **Sunday is 1**). A field is `*`, or a list of values and ranges, each with a
/// step if need be: `1-5`, `*/10`, `MON,WED`. The day of month may be `L` (the last), `LW` (the
/// last weekday) or `15W` (the weekday nearest the 15th); the day of week `6L` (the last Friday)
/// or `2#1` (the first Monday).
///
/// The text is kept as it was written, for that is how it is compared with the trigger that fired.
/// Written in code it is checked while it compiles: [`cron!`](crate::cron).
///
/// ```
/// use lunora::{CronExpression, cron};
///
/// const NIGHTLY: CronExpression = cron!("0 3 * * *");
/// assert_eq!(NIGHTLY.as_str(), "0 3 * * *");
/// assert!("0 3 * *".parse::<CronExpression>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CronExpression(Cow<'static, str>);

/// A [`CronExpression`](crate::CronExpression) from a literal, checked while it compiles.
///
/// ```compile_fail
/// let _ = lunora::cron!("0 3 * *");
/// ```
#[macro_export]
macro_rules! cron {
    ($cron:literal) => {{
        // An item, not a `const` block: `cargo check` evaluates it as well.
        const CHECKED: $crate::CronExpression = $crate::CronExpression::from_static($cron);
        CHECKED
    }};
}

impl CronExpression {
    /// An expression that is written in code.
    ///
    /// # Panics
    /// When the text is no expression. Use [`cron!`](crate::cron), where that is a compile error.
    #[must_use]
    #[allow(clippy::panic, reason = "called by `cron!`, in a const context")]
    pub const fn from_static(cron: &'static str) -> Self {
        match check(cron.as_bytes()) {
            Ok(()) => Self(Cow::Borrowed(cron)),
            Err(error) => panic!("{}", error.sentence()),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CronExpression {
    type Err = CronError;

    fn from_str(cron: &str) -> Result<Self, CronError> {
        check(cron.as_bytes())?;
        Ok(Self(Cow::Owned(cron.to_owned())))
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no cron expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
#[non_exhaustive]
pub enum CronError {
    /// There are not five fields.
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
                "a cron expression has five fields between single spaces: minute, hour, day of month, month, day of week"
            }
            Self::Minute => "the first field of a cron expression is the minute: 0 to 59",
            Self::Hour => "the second field of a cron expression is the hour: 0 to 23",
            Self::DayOfMonth => {
                "the third field of a cron expression is the day of the month: 1 to 31, `L`, `LW` or `15W`"
            }
            Self::Month => {
                "the fourth field of a cron expression is the month: 1 to 12, or JAN to DEC"
            }
            Self::DayOfWeek => {
                "the fifth field of a cron expression is the day of the week: 1 to 7 (Sunday is 1), or SUN to SAT"
            }
            Self::NeverFires => {
                "the cron expression never fires: none of its months has a day of its day of month"
            }
            Self::SundayIsOne => {
                "a cron expression's week begins with Sunday as 1 on Cloudflare, not as 0: write 1 or SUN"
            }
        }
    }
}

/// What one field may say.
#[derive(Clone, Copy)]
struct Field {
    min: u32,
    max: u32,
    names: &'static [u8],
    kind: Kind,
    error: CronError,
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    DayOfMonth,
    DayOfWeek,
}

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: b"", kind: Kind::Plain, error: CronError::Minute },
    Field { min: 0, max: 23, names: b"", kind: Kind::Plain, error: CronError::Hour },
    Field { min: 1, max: 31, names: b"", kind: Kind::DayOfMonth, error: CronError::DayOfMonth },
    Field {
        min: 1,
        max: 12,
        names: b"JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC",
        kind: Kind::Plain,
        error: CronError::Month,
    },
    Field {
        min: 1,
        max: 7,
        names: b"SUNMONTUEWEDTHUFRISAT",
        kind: Kind::DayOfWeek,
        error: CronError::DayOfWeek,
    },
];

/// The one parser, for compile time and run time.
const fn check(text: &[u8]) -> Result<(), CronError> {
    let (mut at, mut field) = (0, 0);
    let mut starts = [0; 5];
    // The number of fields first: a missing one would make every later one look wrong.
    let (mut spaces, mut scan) = (0, 0);
    while scan < text.len() {
        if text[scan] == b' ' {
            spaces += 1;
        }
        scan += 1;
    }
    if spaces != 4 {
        return Err(CronError::FieldCount);
    }
    while field < 5 {
        let start = at;
        starts[field] = start;
        while at < text.len() && text[at] != b' ' {
            at += 1;
        }
        if at == start {
            return Err(CronError::FieldCount);
        }
        if let Err(error) = check_field(text, start, at, FIELDS[field]) {
            return Err(error);
        }
        at += 1;
        field += 1;
    }
    // With a day of the week too, either of the two days is enough.
    let every_day_of_week = text.len() == starts[4] + 1 && text[starts[4]] == b'*';
    let first_day = first_day(text, starts[2], starts[3] - 1);
    if every_day_of_week && first_day > longest_month(text, starts[3], starts[4] - 1) {
        return Err(CronError::NeverFires);
    }
    Ok(())
}

/// The first day of the month that a valid field names; 1 for the forms that every month has.
const fn first_day(text: &[u8], start: usize, end: usize) -> u32 {
    let (mut at, mut first) = (start, u32::MAX);
    while at < end {
        let (day, _) = number(text, at, end);
        let day = if day == 0 { 1 } else { day };
        if day < first {
            first = day;
        }
        while at < end && text[at] != b',' {
            at += 1;
        }
        at += 1;
    }
    first
}

/// The days of the longest month that a valid field names.
const fn longest_month(text: &[u8], start: usize, end: usize) -> u32 {
    const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (mut at, mut longest) = (start, 0);
    while at < end {
        let (mut first, mut next) = value(text, at, end, FIELDS[3]);
        let mut last = first;
        if next == at {
            (first, last, next) = (1, 12, at + 1);
        } else if next < end && text[next] == b'-' {
            (last, next) = value(text, next + 1, end, FIELDS[3]);
        }
        let mut step = 1;
        if next < end && text[next] == b'/' {
            (step, next) = number(text, next + 1, end);
            // `3/2` goes on to the last month.
            if last == first {
                last = 12;
            }
        }
        let mut month = first;
        while month <= last && month <= 12 {
            if DAYS[month as usize - 1] > longest {
                longest = DAYS[month as usize - 1];
            }
            month += step;
        }
        at = next + 1;
    }
    longest
}

const fn check_field(text: &[u8], start: usize, end: usize, field: Field) -> Result<(), CronError> {
    let mut at = start;
    loop {
        let item = at;
        while at < end && text[at] != b',' {
            at += 1;
        }
        if let Err(error) = check_item(text, item, at, field) {
            return Err(error);
        }
        if at == end {
            return Ok(());
        }
        at += 1;
    }
}

/// One item of a list: `*`, a value, a range, each with a step; or a day's special form.
const fn check_item(text: &[u8], start: usize, end: usize, field: Field) -> Result<(), CronError> {
    if is_special(text, start, end, field) {
        return Ok(());
    }
    let mut at = start;
    if at < end && text[at] == b'*' {
        at += 1;
    } else {
        let (first, next) = value(text, at, end, field);
        if let (0, Kind::DayOfWeek, true) = (first, field.kind, next > at) {
            return Err(CronError::SundayIsOne);
        }
        if next == at || first < field.min || first > field.max {
            return Err(field.error);
        }
        at = next;
        if at < end && text[at] == b'-' {
            let (last, next) = value(text, at + 1, end, field);
            if next == at + 1 || last < first || last > field.max {
                return Err(field.error);
            }
            at = next;
        }
    }
    if at < end && text[at] == b'/' {
        let (step, next) = number(text, at + 1, end);
        if next == at + 1 || step == 0 || step > field.max {
            return Err(field.error);
        }
        at = next;
    }
    if at == end { Ok(()) } else { Err(field.error) }
}

/// `L`, `LW`, `15W` as a day of the month; `6L`, `2#1` as a day of the week.
const fn is_special(text: &[u8], start: usize, end: usize, field: Field) -> bool {
    let length = end - start;
    match field.kind {
        Kind::Plain => false,
        Kind::DayOfMonth => {
            if length > 0 && text[start] == b'L' {
                return length == 1 || (length == 2 && text[start + 1] == b'W');
            }
            let (day, next) = number(text, start, end);
            next > start
                && next + 1 == end
                && text[next] == b'W'
                && day >= field.min
                && day <= field.max
        }
        Kind::DayOfWeek => {
            let (day, next) = value(text, start, end, field);
            if next == start || day < field.min || day > field.max {
                return false;
            }
            (next + 1 == end && text[next] == b'L')
                || (next + 2 == end
                    && text[next] == b'#'
                    && text[next + 1] >= b'1'
                    && text[next + 1] <= b'5')
        }
    }
}

/// A number or a name at `at`, and where it ends; it ends where it began if there is none.
const fn value(text: &[u8], at: usize, end: usize, field: Field) -> (u32, usize) {
    let mut name = 0;
    while name + 3 <= field.names.len() && at + 3 <= end {
        if text[at].to_ascii_uppercase() == field.names[name]
            && text[at + 1].to_ascii_uppercase() == field.names[name + 1]
            && text[at + 2].to_ascii_uppercase() == field.names[name + 2]
        {
            // At most twelve names.
            #[allow(clippy::cast_possible_truncation, reason = "there are at most twelve names")]
            return ((name / 3) as u32 + 1, at + 3);
        }
        name += 3;
    }
    number(text, at, end)
}

/// A number of one or two digits at `at`, and where it ends.
const fn number(text: &[u8], at: usize, end: usize) -> (u32, usize) {
    let (mut value, mut next) = (0, at);
    while next < end && next < at + 2 && text[next].is_ascii_digit() {
        value = value * 10 + (text[next] - b'0') as u32;
        next += 1;
    }
    (value, next)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
