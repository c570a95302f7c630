//! Compares the due times with the parser of the platform (`saffron`) and the crate `cron`.

use chrono::{DateTime, Datelike, TimeZone, Utc};
use proptest::prelude::*;

use super::*;
use crate::wire::iso::to_iso;

const MINUTE: i64 = 60_000;
/// 2024-01-01, and ten years later: three leap days.
const FROM: i64 = 1_704_067_200_000;
const UNTIL: i64 = 2_019_686_400_000;

fn cron(text: &str) -> CronExpression {
    text.parse().unwrap()
}

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(ms).unwrap()
}

/// Returns the first times from 2024 on, without seconds.
fn times(text: &str, count: usize) -> Vec<String> {
    cron(text).upcoming(FROM - 1).take(count).map(|ms| to_iso(ms)[..16].to_owned()).collect()
}

/// Returns the days of one year.
fn days(text: &str, year: i32) -> Vec<String> {
    let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap().timestamp_millis();
    cron(text)
        .upcoming(start - 1)
        .take_while(|ms| at(*ms).year() == year)
        .map(|ms| to_iso(ms)[5..10].to_owned())
        .collect()
}

fn list(item: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(item, 1..4).prop_map(|items| items.join(","))
}

fn expressions() -> impl Strategy<Value = String> {
    let minute = list("[0-9]|[1-5][0-9]|[0-2][0-9]-[3-5][0-9]|\\*/[1-9]|[1-9]/1[0-9]");
    let hour = list("[0-9]|1[0-9]|2[0-3]|[0-9]-1[0-9]|\\*/[1-9]");
    let day = prop_oneof![
        3 => Just("*".to_owned()),
        2 => list("[1-9]|[12][0-9]|3[01]|[1-9]-[12][0-9]|\\*/[2-9]"),
        2 => "L|LW|[1-9]W|[12][0-9]W|3[01]W",
    ];
    let month = prop_oneof![
        2 => Just("*".to_owned()),
        1 => list("[1-9]|1[0-2]|JAN|feb|[1-4]-[5-9]|\\*/[2-5]"),
    ];
    let day_of_week = prop_oneof![
        3 => Just("*".to_owned()),
        2 => list("[1-7]|SUN|fri|MON-FRI|[1-3]-[4-7]|\\*/[2-3]"),
        2 => "[1-7]L|[1-7]#[1-5]|TUE#[1-4]",
    ];
    (minute, hour, day, month, day_of_week).prop_map(|(minute, hour, day, month, week)| {
        format!("{minute} {hour} {day} {month} {week}")
    })
}

proptest! {
    #[test]
    fn is_due_when_the_platform_says(text in expressions(), from in FROM..UNTIL) {
        let Ok(ours) = text.parse::<CronExpression>() else { return Ok(()) };
        let theirs: saffron::Cron = text.parse().map_err(|_| TestCaseError::reject("other syntax"))?;
        let ours: Vec<i64> = ours.upcoming(from).take(40).collect();
        let expected: Vec<i64> =
            theirs.iter_after(at(from)).take(40).map(|moment| moment.timestamp_millis()).collect();
        prop_assert_eq!(ours, expected, "{}", text);
    }

    #[test]
    fn each_minute_of_ten_years_is_due_or_not_as_the_platform_says(
        text in expressions(), minutes in prop::collection::vec(0..(UNTIL - FROM) / MINUTE, 200),
    ) {
        let Ok(ours) = text.parse::<CronExpression>() else { return Ok(()) };
        let theirs: saffron::Cron = text.parse().map_err(|_| TestCaseError::reject("other syntax"))?;
        for minute in minutes {
            let ms = FROM + minute * MINUTE;
            let due = ours.previous_at_or_before(ms) == Some(ms);
            prop_assert_eq!(due, theirs.contains(at(ms)), "{} at {}", text, to_iso(ms));
        }
    }

    /// Without special days; the crate requires both days to fit, so one of them is `*`.
    #[test]
    fn is_due_when_the_crate_cron_says(text in expressions(), from in FROM..UNTIL) {
        let fields: Vec<&str> = text.split(' ').collect();
        prop_assume!(fields[2] == "*" || fields[4] == "*");
        prop_assume!(!text.contains(['L', 'W', '#']) && text.parse::<CronExpression>().is_ok());
        let theirs: ::cron::Schedule = format!("0 {text}").parse().unwrap();
        let ours: Vec<i64> = cron(&text).upcoming(from).take(40).collect();
        let expected: Vec<i64> =
            theirs.after(&at(from)).take(40).map(|moment| moment.timestamp_millis()).collect();
        prop_assert_eq!(ours, expected, "{}", text);
    }

    #[test]
    fn the_time_before_the_next_one_is_the_last_one(text in expressions(), from in FROM..UNTIL) {
        let Ok(cron) = text.parse::<CronExpression>() else { return Ok(()) };
        let next = cron.next_after(from).unwrap();
        let last = cron.previous_at_or_before(from).unwrap();
        prop_assert!(last <= from && from < next);
        prop_assert_eq!(cron.next_after(last), Some(next));
        prop_assert_eq!(cron.previous_at_or_before(next - 1), Some(last));
        prop_assert_eq!(cron.previous_at_or_before(next), Some(next));
        prop_assert_eq!((next % MINUTE, last % MINUTE), (0, 0));
    }

    #[test]
    fn no_moment_panics(text in expressions(), ms in any::<i64>()) {
        let Ok(cron) = text.parse::<CronExpression>() else { return Ok(()) };
        let _ = (cron.next_after(ms), cron.previous_at_or_before(ms));
        let _ = (cron.next_after(i64::MAX), cron.previous_at_or_before(i64::MIN));
    }
}

#[test]
fn tells_its_times() {
    assert_eq!(times("0 3 * * *", 2), ["2024-01-01T03:00", "2024-01-02T03:00"]);
    assert_eq!(times("*/25 23 31 12 *", 2), ["2024-12-31T23:00", "2024-12-31T23:25"]);
    // Sunday is 1.
    assert_eq!(times("0 0 * * 1", 2), ["2024-01-07T00:00", "2024-01-14T00:00"]);
    assert_eq!(times("0 0 29 2 *", 2), ["2024-02-29T00:00", "2028-02-29T00:00"]);
    let before_2100 =
        cron("0 0 29 2 *").upcoming(at(0).with_year(2096).unwrap().timestamp_millis());
    let leap: Vec<String> = before_2100.take(2).map(to_iso).collect();
    assert_eq!(leap, ["2096-02-29T00:00:00.000Z", "2104-02-29T00:00:00.000Z"]);
    // The fifth Sunday of a February.
    assert_eq!(times("0 0 * 2 1#5", 2), ["2032-02-29T00:00", "2060-02-29T00:00"]);
    // Both days restricted: either is enough. `*/2` restricts, and so does a list with `*`.
    assert_eq!(days("0 0 13 9 FRI", 2024), ["09-06", "09-13", "09-20", "09-27"]);
    assert_eq!(days("0 0 */15 9 2#1", 2024), ["09-01", "09-02", "09-16"]);
}

#[test]
fn tells_the_special_days() {
    for (text, expected) in [
        ("0 0 L 2,4 *", &["02-29", "04-30"][..]),
        ("0 0 LW 3,6,8 *", &["03-29", "06-28", "08-30"]),
        ("0 0 1W 6,9 *", &["06-03", "09-02"]),
        ("0 0 15W 6,9,10 *", &["06-14", "09-16", "10-15"]),
        ("0 0 31W 3,8 *", &["03-29", "08-30"]),
        ("0 0 * 2,3 6L", &["02-23", "03-29"]),
        ("0 0 L-3 2,4 *", &["02-26", "04-27"]),
        ("0 0 L-1W 3,6 *", &["03-29", "06-28"]),
        ("0 0 * 9 L", &["09-07", "09-14", "09-21", "09-28"]),
    ] {
        assert_eq!(days(text, 2024), expected, "{text}");
    }
}

#[test]
fn differs_from_other_parsers_where_it_says_so() {
    let platform = |text: &str, count| -> Option<Vec<i64>> {
        let cron: saffron::Cron = text.parse().ok()?;
        Some(cron.iter_after(at(FROM - 1)).take(count).map(|at| at.timestamp_millis()).collect())
    };
    // The start of a range that wraps is its first value here, and the one before it there.
    assert_eq!(days("0 0 30-2 4 *", 2024), ["04-01", "04-02", "04-30"]);
    assert!(platform("0 0 30-2 4 *", 1).is_some());
    // As there, the 31st may be one that the month lacks, if it would be a Saturday.
    assert_eq!(days("0 0 31W 3,4 *", 2027), ["03-31", "04-30"]);
    assert_eq!(days("0 0 31W 3,4 *", 2024), ["03-29"]);
    // The crate `cron` wants both days to fit.
    let both: ::cron::Schedule = "0 0 0 13 * FRI".parse().unwrap();
    assert_eq!(
        to_iso(both.after(&at(FROM)).next().unwrap().timestamp_millis())[..10],
        *"2024-09-13"
    );
    assert_eq!(
        times("0 0 13 * FRI", 3),
        ["2024-01-05T00:00", "2024-01-12T00:00", "2024-01-13T00:00"]
    );
}
