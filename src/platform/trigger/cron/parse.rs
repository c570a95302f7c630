//! The one parser of cron expressions, for compile time and run time.

use super::{CronError, schedule::Schedule};

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

/// One item of a list.
enum Item {
    /// `*`, a value, a range, each with a step: as bits.
    Values(u64),
    /// `L`.
    LastDay,
    /// `LW`.
    LastWeekday,
    /// `15W`.
    WeekdayNear(u32),
    /// `6L`.
    LastOfMonth(u32),
    /// `2#1`.
    NthOfMonth(u32, u32),
}

pub(super) const fn parse(text: &[u8]) -> Result<Schedule, CronError> {
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
    let mut schedule = Schedule {
        minutes: 0,
        hours: 0,
        months: 0,
        every_day: false,
        days: 0,
        weekdays_near: 0,
        last_day: false,
        last_weekday: false,
        every_day_of_week: false,
        days_of_week: 0,
        last_of_month: 0,
        nth_of_month: 0,
    };
    let (mut at, mut field) = (0, 0);
    while field < 5 {
        let start = at;
        while at < text.len() && text[at] != b' ' {
            at += 1;
        }
        if at == start {
            return Err(CronError::FieldCount);
        }
        if let Err(error) = parse_field(text, start, at, field, &mut schedule) {
            return Err(error);
        }
        at += 1;
        field += 1;
    }
    if never_fires(&schedule) { Err(CronError::NeverFires) } else { Ok(schedule) }
}

/// Whether no month has its day. With a day of the week too, either of the two days is enough.
const fn never_fires(schedule: &Schedule) -> bool {
    /// The months of 31 days, and those of 30.
    const LONG: u64 = 0b1_0101_1010_1010;
    const SHORTER: u64 = 0b0_1010_0101_0000;

    if !schedule.every_day_of_week || schedule.last_day || schedule.last_weekday {
        return false;
    }
    let first_day = (schedule.days | schedule.weekdays_near).trailing_zeros();
    let longest_month = if schedule.months & LONG != 0 {
        31
    } else if schedule.months & SHORTER != 0 {
        30
    } else {
        29
    };
    first_day > longest_month
}

/// Reads the items of a field, and adds them to `schedule`.
const fn parse_field(
    text: &[u8],
    start: usize,
    end: usize,
    field: usize,
    schedule: &mut Schedule,
) -> Result<(), CronError> {
    let every = end == start + 1 && text[start] == b'*';
    let mut at = start;
    loop {
        let item = at;
        while at < end && text[at] != b',' {
            at += 1;
        }
        match (parse_item(text, item, at, FIELDS[field]), field) {
            (Err(error), _) => return Err(error),
            (Ok(Item::Values(values)), 0) => schedule.minutes |= values,
            (Ok(Item::Values(values)), 1) => schedule.hours |= values,
            (Ok(Item::Values(values)), 2) => {
                schedule.days |= values;
                schedule.every_day = every;
            }
            (Ok(Item::Values(values)), 3) => schedule.months |= values,
            (Ok(Item::Values(values)), _) => {
                schedule.days_of_week |= values;
                schedule.every_day_of_week = every;
            }
            (Ok(Item::LastDay), _) => schedule.last_day = true,
            (Ok(Item::LastWeekday), _) => schedule.last_weekday = true,
            (Ok(Item::WeekdayNear(day)), _) => schedule.weekdays_near |= 1 << day,
            (Ok(Item::LastOfMonth(day)), _) => schedule.last_of_month |= 1 << day,
            (Ok(Item::NthOfMonth(day, nth)), _) => {
                schedule.nth_of_month |= 1 << (day + (nth - 1) * 7);
            }
        }
        if at == end {
            return Ok(());
        }
        at += 1;
    }
}

const fn parse_item(
    text: &[u8],
    start: usize,
    end: usize,
    field: Field,
) -> Result<Item, CronError> {
    if let Some(special) = special(text, start, end, field) {
        return Ok(special);
    }
    let mut at = start;
    let (mut first, mut last) = (field.min, field.max);
    let mut is_one = false;
    if at < end && text[at] == b'*' {
        at += 1;
    } else {
        let next;
        (first, next) = value(text, at, end, field);
        if let (0, Kind::DayOfWeek, true) = (first, field.kind, next > at) {
            return Err(CronError::SundayIsOne);
        }
        if next == at || first < field.min || first > field.max {
            return Err(field.error);
        }
        at = next;
        is_one = true;
        if at < end && text[at] == b'-' {
            let next;
            (last, next) = value(text, at + 1, end, field);
            if next == at + 1 || last < first || last > field.max {
                return Err(field.error);
            }
            at = next;
            is_one = false;
        }
    }
    let mut step = 1;
    if at < end && text[at] == b'/' {
        let next;
        (step, next) = number(text, at + 1, end);
        if next == at + 1 || step == 0 || step > field.max {
            return Err(field.error);
        }
        at = next;
        // `3/2` goes on to the last value.
        is_one = false;
    }
    if at != end {
        return Err(field.error);
    }
    if is_one {
        last = first;
    }
    let mut values = 0;
    while first <= last {
        values |= 1 << first;
        first += step;
    }
    Ok(Item::Values(values))
}

/// `L`, `LW`, `15W` as a day of the month; `6L`, `2#1` as a day of the week.
const fn special(text: &[u8], start: usize, end: usize, field: Field) -> Option<Item> {
    let (day, next) = value(text, start, end, field);
    let names_day = next > start && day >= field.min && day <= field.max;
    match field.kind {
        Kind::Plain => None,
        Kind::DayOfMonth => match end - start {
            1 if text[start] == b'L' => Some(Item::LastDay),
            2 if text[start] == b'L' && text[start + 1] == b'W' => Some(Item::LastWeekday),
            _ if names_day && next + 1 == end && text[next] == b'W' => Some(Item::WeekdayNear(day)),
            _ => None,
        },
        Kind::DayOfWeek if !names_day => None,
        Kind::DayOfWeek if next + 1 == end && text[next] == b'L' => Some(Item::LastOfMonth(day)),
        Kind::DayOfWeek if next + 2 == end && text[next] == b'#' => match text[next + 1] {
            nth @ b'1'..=b'5' => Some(Item::NthOfMonth(day, (nth - b'0') as u32)),
            _ => None,
        },
        Kind::DayOfWeek => None,
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
