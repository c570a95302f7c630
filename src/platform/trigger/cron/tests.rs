//! The rules of `cron.rs`, each a test.

mod times;

use proptest::prelude::*;

use super::*;

#[test]
fn takes_what_the_platform_takes() {
    for cron in [
        "* * * * *",
        "*/5 * * * *",
        "0 3 * * *",
        "0,15,30-45/5 0-23/2 1,15 JAN,jul MON-FRI",
        "0 0 L * *",
        "0 0 LW * *",
        "59 23 15W * *",
        "0 18 * * 6L",
        "0 9 * * MON#1",
        "10 7 * * 2#5",
        "0 0 1 12 1-7",
    ] {
        assert_eq!(
            cron.parse::<CronExpression>().map(|cron| cron.to_string()),
            Ok(cron.to_owned())
        );
    }
}

#[test]
fn refuses_each_field_in_its_own_words() {
    for (cron, error) in [
        ("", CronError::FieldCount),
        ("* * * *", CronError::FieldCount),
        ("0 * * * * *", CronError::FieldCount),
        (" * * * *", CronError::FieldCount),
        ("*  * * *", CronError::FieldCount),
        ("60 * * * *", CronError::Minute),
        ("*/0 * * * *", CronError::Minute),
        ("1- * * * *", CronError::Minute),
        ("5-1 * * * *", CronError::Minute),
        ("1,,2 * * * *", CronError::Minute),
        ("a * * * *", CronError::Minute),
        ("L * * * *", CronError::Minute),
        ("* 24 * * *", CronError::Hour),
        ("* * 0 * *", CronError::DayOfMonth),
        ("* * 32W * *", CronError::DayOfMonth),
        ("* * * 13 *", CronError::Month),
        ("* * * FOO *", CronError::Month),
        ("* * * * 8", CronError::DayOfWeek),
        ("* * * * 2#6", CronError::DayOfWeek),
        ("* * * * 0", CronError::SundayIsOne),
        ("* * * * 0-5", CronError::SundayIsOne),
    ] {
        assert_eq!(cron.parse::<CronExpression>(), Err(error), "{cron}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,30}") {
        let _ = text.parse::<CronExpression>();
    }

    /// What is taken, the crate `cron` takes as well; it wants seconds first, and has no `L`,
    /// `W` or `#`.
    #[test]
    fn agrees_with_the_crate_cron(text in "([*0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}|\\*/[0-9]{1,2}|[0-9]{1,2},[0-9]{1,2})( ([*0-9]{1,2}|[0-9]-[0-9]{1,2}|\\*/[0-9])){4}") {
        // `**` and a bare `7*` are no fields to us, and nothing the platform documents.
        prop_assume!(!text.split([' ', ',']).any(|item| item.len() > 1 && item.starts_with('*') && !item.starts_with("*/")));
        prop_assume!(!text.split([' ', ',']).any(|item| item.ends_with('*') && item.len() > 1));
        let theirs = format!("0 {text}").parse::<cron::Schedule>().is_ok();
        prop_assert_eq!(text.parse::<CronExpression>().is_ok(), theirs, "{}", text);
    }
}

#[test]
fn rejects_an_expression_that_never_fires() {
    for never in [
        "0 3 31 2 *",
        "0 3 30 FEB *",
        "0 3 31 4,6,9,NOV *",
        "0 3 31 4-11/5 *",
        "0 3 30,31 2 *",
        "0 3 31W 2 *",
    ] {
        assert_eq!(never.parse::<CronExpression>(), Err(CronError::NeverFires), "{never}");
    }
    for fires in [
        "0 3 29 2 *",
        "0 3 31 2 MON",
        "0 3 L 2 *",
        "0 3 30,1 2 *",
        "0 3 31 2-3 *",
        "0 3 31 2/3 *",
        "0 3 */30 2 *",
        "0 3 31 * *",
    ] {
        assert!(fires.parse::<CronExpression>().is_ok(), "{fires}");
    }
}
