//! What operators write: `wrangler.jsonc`, `lunora.toml`, cron expressions.

use chrono::{DateTime, Utc};
use lunora::schedule::CronExpression;
use lunora_codegen::{
    Place, generate,
    wrangler::{BindingKind, Expected, Need, check},
};

pub(super) const WRANGLER_TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "//",
    "/*",
    "*/",
    "\n",
    "\"",
    "\"main\":\"a\"",
    "\"env\":{\"x\":{",
    "\"durable_objects\":{\"bindings\":[",
    "{\"name\":\"SHARD\",\"class_name\":\"Room\"}",
    "\"r2_buckets\":[",
    "{\"binding\":\"FILES\"}",
    "\"triggers\":{\"crons\":[\"0 3 * * *\"]}",
    "\"migrations\":[{",
    "\"new_sqlite_classes\":[\"Room\"]",
    "\"renamed_classes\":[{\"from\":\"A\",\"to\":\"B\"}]",
    "\"compatibility_date\":\"2025-05-05\"",
    "\\u",
    "null",
    "\u{feff}",
];
pub(super) const MANIFEST_TOKENS: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "=",
    "\"",
    "\"\"\"",
    "'",
    "\n",
    ".",
    ",",
    "{",
    "}",
    "#",
    "name",
    "true",
    "1",
    "1979-05-27",
    "[app]",
    "[shard]",
    "[[cron]]",
    "[security]",
    "[backup]",
];
pub(super) const CRON_TOKENS: &[&str] = &[
    "*", "*/", "/", "-", ",", " ", "L", "LW", "15W", "#", "2#5", "6L", "MON", "JAN", "FEB", "SUN",
    "0", "31", "29", "59", "23", "12", "7",
];

/// A problem is on a line of the file.
pub(super) fn wrangler(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let place = || Place { file: "src/lib.rs".into(), line: 1 };
    let expected = Expected::new()
        .with(Need::Cron("0 3 * * *".into()), place())
        .with(Need::Binding(BindingKind::DurableObject, "SHARD".into()), place())
        .with(Need::Binding(BindingKind::Bucket, "FILES".into()), place())
        .with(Need::Class("Room".into()), place());
    let lines = text.split('\n').count();
    match check(text, &expected) {
        Ok(()) => true,
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                let line = problem.place.line;
                assert!((1..=lines).contains(&line), "line {line} of {lines}: {problem}");
            }
            problems.len() > 1
        }
    }
}

/// `lunora.toml`, and after a zero byte `wrangler.jsonc`.
pub(super) fn manifest(input: &[u8]) -> bool {
    let (manifest, wrangler) = super::split(input);
    let (Ok(manifest), Ok(wrangler)) = (str::from_utf8(manifest), str::from_utf8(wrangler)) else {
        return false;
    };
    generate(manifest, wrangler, "lunora codegen").is_ok()
}

/// An expression is due when the parser of the platform says so.
pub(super) fn cron(input: &[u8]) -> bool {
    const FROM: i64 = 1_704_067_200_000;
    let Ok(text) = str::from_utf8(input) else { return false };
    let Ok(ours) = text.parse::<CronExpression>() else { return false };
    assert_eq!(ours.as_str(), text);
    let due: Vec<i64> = ours.upcoming(FROM).take(5).collect();
    assert_eq!(due.len(), 5, "an expression that never fires");
    for ms in &due {
        assert_eq!(ours.previous_at_or_before(*ms), Some(*ms));
        assert_eq!(ours.next_after(*ms - 1), Some(*ms));
    }
    // In a list a `*` is every value here, and the least one there; `L-1W` counts below zero there.
    let differs = text.split_whitespace().any(|field| {
        field.contains(',') && field.contains('*')
            || field.starts_with(['L', 'l']) && field.ends_with(['W', 'w'])
    });
    if !differs && let Ok(theirs) = text.parse::<saffron::Cron>() {
        let from = DateTime::<Utc>::from_timestamp_millis(FROM).unwrap_or_default();
        let last = due.last().copied().unwrap_or_default();
        let theirs = theirs.iter_after(from).map(|moment| moment.timestamp_millis());
        let theirs: Vec<i64> = theirs.take_while(|moment| *moment <= last).take(5_000).collect();
        // Before a range that wraps, the platform's parser adds a value: `22-6` at 21 as well.
        let exact = !text.contains('-');
        let is_platforms = |moment: &i64| theirs.contains(moment);
        assert!(
            if exact { due == theirs } else { due.iter().all(is_platforms) },
            "due at other times than on the platform: {due:?} {theirs:?}"
        );
    }
    true
}
