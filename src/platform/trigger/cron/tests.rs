//! One test per rule of `cron.rs`.

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
        "0 0 * * FRI-MON",
        "0 22-6 * * *",
        "0 22-6/2 * * *",
        "0 0 L-3 * *",
        "0 0 L-3W * *",
        "0 0 * * L",
        "*  *\t* * *",
        "007 0 * * 02#01",
        "5,* * * * *",
        "5,*-7 * * * *",
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
        ("* * * * * ", CronError::FieldCount),
        ("* * * * MON#1,MON#3", CronError::DayOfWeek),
        ("* * * * L,2", CronError::DayOfWeek),
        ("* * L,15 * *", CronError::DayOfMonth),
        ("* * 15,L * *", CronError::DayOfMonth),
        ("* * L-31 * *", CronError::DayOfMonth),
        ("* * l * *", CronError::DayOfMonth),
        ("* * * */12 *", CronError::Month),
        ("* * * * */7", CronError::DayOfWeek),
        ("*,5 * * * *", CronError::Minute),
        ("*-7 * * * *", CronError::Minute),
        ("256 * * * *", CronError::Minute),
        ("0 0 * * 2-0", CronError::SundayIsOne),
        ("60 * * * *", CronError::Minute),
        ("*/0 * * * *", CronError::Minute),
        ("1- * * * *", CronError::Minute),
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
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics(text in ".{0,30}") {
        let _ = text.parse::<CronExpression>();
    }

    /// Accepting too much fails a deployment, accepting too little fails a build.
    #[test]
    fn takes_what_the_platform_takes_and_nothing_else(text in texts()) {
        let theirs = text.parse::<saffron::parse::CronExpr>();
        match text.parse::<CronExpression>() {
            Ok(_) => prop_assert!(theirs.is_ok(), "taken: {}", text),
            Err(CronError::NeverFires) => {
                prop_assert!(theirs.is_ok(), "never fires: {}", text);
                // Its search mistakes the number before `W` for bits.
                prop_assert!(text.contains('W') || !text.parse::<saffron::Cron>().unwrap().any());
            }
            Err(error) => prop_assert!(theirs.is_err(), "{}: {}", text, error),
        }
    }
}

/// Expressions that are nearly well-formed: fields out of the pieces that fields are made of.
fn texts() -> impl Strategy<Value = String> {
    let number = "[0-9]{1,3}|[1-7]|[12][0-9]";
    let name = "SUN|mon|Tue|FRI|SAT|jan|FEB|DEC|XYZ";
    let value = prop_oneof![6 => number, 2 => name, 1 => "\\*|L|W|"];
    let item = (value.clone(), "|||||-|/|L|W|#", value.clone(), "||||/|W|-", value).prop_map(
        |(a, sign, b, step, c)| match (&*sign, &*step) {
            ("", _) => a,
            ("L" | "W", _) => a + &sign,
            (_, "") => a + &sign + &b,
            _ => a + &sign + &b + &step + &c,
        },
    );
    let list = prop_oneof![
        4 => item.clone(),
        1 => prop::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
        1 => "\\*|\\*/[0-9]{1,2}|L|LW|L-[0-9]{1,2}W?|[0-9]{1,2}W|[1-7]L|[1-7]#[0-9]",
    ];
    // Most fields are sound, so that the others are reached.
    let field = prop_oneof![3 => Just("*".to_owned()), 2 => "[1-7]", 3 => list];
    let space = prop_oneof![30 => Just(" "), 1 => Just("  "), 1 => Just("\t"), 1 => Just("")];
    prop::collection::vec((field, space), 5..6).prop_map(|fields| {
        let text: String = fields.into_iter().map(|(field, space)| field + space).collect();
        text.strip_suffix(' ').unwrap_or(&text).to_owned()
    })
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
        "0 3 L-29 2 *",
        "0 3 L-30W 4 *",
    ] {
        assert_eq!(never.parse::<CronExpression>(), Err(CronError::NeverFires), "{never}");
    }
    for fires in [
        "0 3 29 2 *",
        "0 3 31 2 MON",
        "0 3 L 2 *",
        "0 3 L-28 2 *",
        "0 3 30,1 2 *",
        "0 3 31 2-3 *",
        "0 3 31 2/3 *",
        "0 3 */30 2 *",
        "0 3 31 * *",
    ] {
        assert!(fires.parse::<CronExpression>().is_ok(), "{fires}");
    }
}
