//! The times of a cron expression: fields as bits, and the search through minutes and days.

use crate::wire::iso::civil;

const MINUTE_MS: i64 = 60_000;
const MINUTES_OF_DAY: i64 = 1440;
/// After 400 years the calendar repeats itself, weekdays included.
const DAYS_OF_CYCLE: i64 = 146_097;

/// The fields of an expression, each set as bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// 0 to 59.
    pub(super) minutes: u64,
    /// 0 to 23.
    pub(super) hours: u64,
    /// 1 to 12.
    pub(super) months: u64,
    /// `true` if the day of the month is `*`.
    pub(super) every_day: bool,
    /// 1 to 31.
    pub(super) days: u64,
    /// `15W`: the days whose nearest weekday is meant.
    pub(super) weekdays_near: u64,
    /// `L` and `L-3`: how many days before the last one.
    pub(super) from_last: u64,
    /// `LW` and `L-3W`: the days before the last one whose nearest weekday is meant.
    pub(super) weekdays_near_last: u64,
    /// `true` if the day of the week is `*`.
    pub(super) every_day_of_week: bool,
    /// 1, which is Sunday, to 7.
    pub(super) days_of_week: u64,
    /// `6L`: the days of the week whose last one in the month is meant.
    pub(super) last_of_month: u64,
    /// `2#1`: seven bits for the first ones of the month, seven for the second ones, and so on.
    pub(super) nth_of_month: u64,
}

/// A day of the calendar.
struct Day {
    month: i64,
    /// 1 to 31.
    day: i64,
    length_of_month: i64,
    /// 1, which is Sunday, to 7.
    day_of_week: i64,
}

impl Schedule {
    pub(super) fn next_after(&self, ms: i64) -> Option<i64> {
        let minute = ms.div_euclid(MINUTE_MS) + 1;
        let (today, minute) =
            (minute.div_euclid(MINUTES_OF_DAY), minute.rem_euclid(MINUTES_OF_DAY));
        let of_day = |from: i64| (from..MINUTES_OF_DAY).find(|minute| self.has_minute(*minute));
        if self.has_day(today)
            && let Some(minute) = of_day(minute)
        {
            return to_ms(today, minute);
        }
        let day = (1..=DAYS_OF_CYCLE).map(|days| today + days).find(|day| self.has_day(*day))?;
        to_ms(day, of_day(0)?)
    }

    pub(super) fn previous_at_or_before(&self, ms: i64) -> Option<i64> {
        let minute = ms.div_euclid(MINUTE_MS);
        let (today, minute) =
            (minute.div_euclid(MINUTES_OF_DAY), minute.rem_euclid(MINUTES_OF_DAY));
        let of_day = |until: i64| (0..=until).rev().find(|minute| self.has_minute(*minute));
        if self.has_day(today)
            && let Some(minute) = of_day(minute)
        {
            return to_ms(today, minute);
        }
        let day = (1..=DAYS_OF_CYCLE).map(|days| today - days).find(|day| self.has_day(*day))?;
        to_ms(day, of_day(MINUTES_OF_DAY - 1)?)
    }

    fn has_minute(&self, minute_of_day: i64) -> bool {
        has(self.hours, minute_of_day / 60) && has(self.minutes, minute_of_day % 60)
    }

    fn has_day(&self, days: i64) -> bool {
        let day = Day::of(days);
        has(self.months, day.month)
            && match (self.every_day, self.every_day_of_week) {
                (true, true) => true,
                (true, false) => self.has_day_of_week(&day),
                (false, true) => self.has_day_of_month(&day),
                (false, false) => self.has_day_of_month(&day) || self.has_day_of_week(&day),
            }
    }

    fn has_day_of_month(&self, day: &Day) -> bool {
        let last = day.length_of_month;
        has(self.days, day.day)
            || has(self.from_last, last - day.day)
            || (0..last).any(|before| {
                has(self.weekdays_near_last, before) && day.weekday_near(last - before) == day.day
            })
            || (1..=31)
                .any(|near| has(self.weekdays_near, near) && day.weekday_near(near) == day.day)
    }

    fn has_day_of_week(&self, day: &Day) -> bool {
        let is_last = day.day + 7 > day.length_of_month;
        has(self.days_of_week, day.day_of_week)
            || (is_last && has(self.last_of_month, day.day_of_week))
            || has(self.nth_of_month, (day.day - 1) / 7 * 7 + day.day_of_week)
    }
}

impl Day {
    /// Returns the day that is `days` days after the first of January 1970, a Thursday.
    fn of(days: i64) -> Self {
        let (year, month, day) = civil(days);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length_of_month = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        Self { month, day, length_of_month, day_of_week: (days + 4).rem_euclid(7) + 1 }
    }

    /// Returns the day from Monday to Friday, of this month, that is nearest to a day of it.
    ///
    /// As on the platform a day right after the month's last one counts as well: `31W` is Friday
    /// the 30th where the 31st would be a Saturday.
    fn weekday_near(&self, day: i64) -> i64 {
        match (self.day_of_week - 1 + day - self.day).rem_euclid(7) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length_of_month => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

fn has(set: u64, value: i64) -> bool {
    set >> value & 1 == 1
}

fn to_ms(day: i64, minute_of_day: i64) -> Option<i64> {
    day.checked_mul(MINUTES_OF_DAY)?.checked_add(minute_of_day)?.checked_mul(MINUTE_MS)
}
