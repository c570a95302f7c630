//! The parser of cron expressions, for compile time and run time.

use super::{CronError, schedule::Schedule};

/// The valid values of one field.
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

pub(super) const fn parse(text: &[u8]) -> Result<Schedule, CronError> {
    // The number of fields first: a missing one would make every later one look wrong.
    let (mut fields, mut scan) = (0, 0);
    while scan < text.len() {
        if !is_space(text[scan]) && (scan == 0 || is_space(text[scan - 1])) {
            fields += 1;
        }
        scan += 1;
    }
    if fields != 5 || is_space(text[0]) || is_space(text[text.len() - 1]) {
        return Err(CronError::FieldCount);
    }
    let mut schedule = Schedule {
        minutes: 0,
        hours: 0,
        months: 0,
        every_day: false,
        days: 0,
        weekdays_near: 0,
        from_last: 0,
        weekdays_near_last: 0,
        every_day_of_week: false,
        days_of_week: 0,
        last_of_month: 0,
        nth_of_month: 0,
    };
    let (mut at, mut field) = (0, 0);
    while field < 5 {
        let start = at;
        while at < text.len() && !is_space(text[at]) {
            at += 1;
        }
        if let Err(error) = parse_field(text, start, at, field, &mut schedule) {
            return Err(error);
        }
        while at < text.len() && is_space(text[at]) {
            at += 1;
        }
        field += 1;
    }
    if never_fires(&schedule) { Err(CronError::NeverFires) } else { Ok(schedule) }
}

/// Returns whether no month has the day. With a day of the week too, either of the two days is
/// enough.
const fn never_fires(schedule: &Schedule) -> bool {
    /// The months of 31 days, and those of 30.
    const LONG: u64 = 0b1_0101_1010_1010;
    const SHORTER: u64 = 0b0_1010_0101_0000;

    if !schedule.every_day_of_week || schedule.every_day {
        return false;
    }
    let day = (schedule.days | schedule.weekdays_near).trailing_zeros();
    let day_from_last = (schedule.from_last | schedule.weekdays_near_last).trailing_zeros() + 1;
    let first_day = if day < day_from_last { day } else { day_from_last };
    let longest_month = if schedule.months & LONG != 0 {
        31
    } else if schedule.months & SHORTER != 0 {
        30
    } else {
        29
    };
    first_day > longest_month
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Reads a field into `schedule`: `*`, a special day that stands alone, or a list.
const fn parse_field(
    text: &[u8],
    start: usize,
    end: usize,
    field: usize,
    schedule: &mut Schedule,
) -> Result<(), CronError> {
    if end == start + 1 && text[start] == b'*' {
        let all = between(FIELDS[field].min, FIELDS[field].max, 1, FIELDS[field]);
        match field {
            0 => schedule.minutes = all,
            1 => schedule.hours = all,
            2 => (schedule.days, schedule.every_day) = (all, true),
            3 => schedule.months = all,
            _ => (schedule.days_of_week, schedule.every_day_of_week) = (all, true),
        }
        return Ok(());
    }
    if special(text, start, end, FIELDS[field], schedule) {
        return Ok(());
    }
    let (mut at, mut values) = (start, 0);
    loop {
        let item = at;
        while at < end && text[at] != b',' {
            at += 1;
        }
        match parse_item(text, item, at, FIELDS[field], item == start) {
            Err(error) => return Err(error),
            Ok(item) => values |= item,
        }
        if at == end {
            break;
        }
        at += 1;
    }
    match field {
        0 => schedule.minutes = values,
        1 => schedule.hours = values,
        2 => schedule.days = values,
        3 => schedule.months = values,
        _ => schedule.days_of_week = values,
    }
    Ok(())
}

/// Reads a value or a range, each with a step, as bits. As on the platform, a `*` behind a comma is
/// the least value.
const fn parse_item(
    text: &[u8],
    start: usize,
    end: usize,
    field: Field,
    is_first: bool,
) -> Result<u64, CronError> {
    let (first, mut at) = if start < end && text[start] == b'*' {
        (field.min, start + 1)
    } else {
        value(text, start, end, field)
    };
    if let (0, Kind::DayOfWeek, true) = (first, field.kind, at > start) {
        return Err(CronError::SundayIsOne);
    }
    if at == start || first < field.min || first > field.max {
        return Err(field.error);
    }
    if is_first && text[start] == b'*' && (at == end || text[at] != b'/') {
        return Err(field.error);
    }
    let (mut last, mut step) = (first, 1);
    if at < end && text[at] == b'-' {
        let next;
        (last, next) = value(text, at + 1, end, field);
        if let (0, Kind::DayOfWeek, true) = (last, field.kind, next > at + 1) {
            return Err(CronError::SundayIsOne);
        }
        if next == at + 1 || last < field.min || last > field.max {
            return Err(field.error);
        }
        at = next;
    } else if at < end && text[at] == b'/' {
        // `3/2` continues to the last value.
        last = field.max;
    }
    if at < end && text[at] == b'/' {
        let next;
        (step, next) = number(text, at + 1, end);
        if next == at + 1 || step == 0 || step > field.max - field.min {
            return Err(field.error);
        }
        at = next;
    }
    if at == end { Ok(between(first, last, step, field)) } else { Err(field.error) }
}

/// Returns every value from `first` to `last`, as bits. A range whose end is smaller continues from
/// the least value.
const fn between(first: u32, last: u32, step: u32, field: Field) -> u64 {
    let length = field.max - field.min + 1;
    let end = if last < first { last + length } else { last };
    let (mut value, mut values) = (first, 0);
    while value <= end {
        values |= 1 << if value > field.max { value - length } else { value };
        value += step;
    }
    values
}

/// Reads `L`, `L-3`, `LW`, `L-3W`, `15W` as a day of the month; `L`, `6L`, `2#1` as a day of the week.
const fn special(
    text: &[u8],
    start: usize,
    end: usize,
    field: Field,
    schedule: &mut Schedule,
) -> bool {
    let (day, next) = value(text, start, end, field);
    let names_day = next > start && day >= field.min && day <= field.max;
    match field.kind {
        Kind::Plain => return false,
        Kind::DayOfMonth if text[start] == b'L' => {
            let mut at = start + 1;
            let mut offset = 0;
            if at < end && text[at] == b'-' {
                (offset, at) = number(text, at + 1, end);
                if offset == 0 || offset > 30 {
                    return false;
                }
            }
            if at == end {
                schedule.from_last = 1 << offset;
            } else if at + 1 == end && text[at] == b'W' {
                schedule.weekdays_near_last = 1 << offset;
            } else {
                return false;
            }
        }
        Kind::DayOfMonth if names_day && next + 1 == end && text[next] == b'W' => {
            schedule.weekdays_near = 1 << day;
        }
        Kind::DayOfMonth => return false,
        // The last day of a week is Saturday.
        Kind::DayOfWeek if end == start + 1 && text[start] == b'L' => {
            schedule.days_of_week = 1 << 7;
        }
        Kind::DayOfWeek if names_day && next + 1 == end && text[next] == b'L' => {
            schedule.last_of_month = 1 << day;
        }
        Kind::DayOfWeek if names_day && next < end && text[next] == b'#' => {
            let (nth, behind) = number(text, next + 1, end);
            if behind != end || nth < 1 || nth > 5 {
                return false;
            }
            schedule.nth_of_month = 1 << (day + (nth - 1) * 7);
        }
        Kind::DayOfWeek => return false,
    }
    true
}

/// Reads a number or a name at `at`, and returns it and its end; the end is `at` if it is absent.
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

/// Reads a number at `at`, and returns it and its end.
const fn number(text: &[u8], at: usize, end: usize) -> (u32, usize) {
    let (mut value, mut next) = (0_u32, at);
    while next < end && text[next].is_ascii_digit() {
        value = value.saturating_mul(10).saturating_add((text[next] - b'0') as u32);
        next += 1;
    }
    (value, next)
}
