//! The comparison itself.

use super::{
    Expected, FILE, Need, Wrangler,
    file::{Environment, Storage},
    shards,
};
use crate::Problem;

/// The oldest `compatibility_date` that will do: from it on the runtime has `FinalizationRegistry`,
/// by which values that JavaScript holds of the wasm are freed.
pub const MIN_COMPATIBILITY_DATE: &str = "2025-05-05";

/// Compares the text of a `wrangler.jsonc` with what the code needs.
///
/// ```
/// use lunora_codegen::{Place, wrangler::{self, Expected, Need}};
///
/// let nightly = Place { file: "src/lib.rs".into(), line: 12 };
/// let expected = Expected::new().with(Need::Cron("0 3 * * *".into()), nightly);
/// let problems = wrangler::check(r#"{ "compatibility_date": "2026-04-01" }"#, &expected).unwrap_err();
/// assert_eq!(
///     problems[0].to_string(),
///     "src/lib.rs:12: the trigger `0 3 * * *` is not in wrangler.jsonc, so it never fires; \
///      add \"0 3 * * *\" to `triggers.crons`",
/// );
/// ```
///
/// Each named environment (`env.staging`) is checked as well: bindings it must have of its own,
/// triggers, migrations and the date it takes from the top level where it has none.
///
/// # Errors
/// Every problem there is, in the order of the places, [warnings](crate::Severity::Warning) included.
pub fn check(wrangler: &str, expected: &Expected) -> Result<(), Vec<Problem>> {
    let file = Wrangler::parse(wrangler).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    shards::registry(expected, &mut problems);
    for environment in file.environments() {
        needs(&environment, expected, &mut problems);
        bound_classes(&environment, expected, &mut problems);
        date(&file, &environment, &mut problems);
        shards::buckets(&environment, expected, &mut problems);
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn needs(environment: &Environment<'_>, expected: &Expected, problems: &mut Vec<Problem>) {
    let file = named(environment);
    for (need, place) in &expected.needs {
        let problem = match need {
            Need::Cron(cron) if !environment.crons().contains(&cron.as_str()) => Problem::new(
                place.clone(),
                format!("the trigger `{cron}` is not in {file}, so it never fires"),
                format!("add {cron:?} to `triggers.crons`"),
            ),
            Need::Binding(kind, name) if !environment.bindings(*kind).contains(&name.as_str()) => {
                Problem::new(
                    place.clone(),
                    format!("the {kind} `{name}` is not in {file}"),
                    format!("add {{ \"{}\": {name:?}, … }} to `{}`", kind.name_key(), kind.list()),
                )
            }
            Need::Class(class) => match class_without_sqlite(environment, class) {
                Some((message, fix)) => Problem::new(place.clone(), message, fix),
                None => continue,
            },
            Need::Cron(_) | Need::Binding(..) => continue,
        };
        problems.push(problem);
    }
}

/// A class that only the file names, such as one that a dependency exports.
fn bound_classes(environment: &Environment<'_>, expected: &Expected, problems: &mut Vec<Problem>) {
    for (_, class, place) in environment.classes() {
        let in_code = expected.needs.iter().any(|(need, _)| *need == Need::Class(class.into()));
        if !in_code && let Some((message, fix)) = class_without_sqlite(environment, class) {
            problems.push(Problem::new(place, message, fix));
        }
    }
}

fn class_without_sqlite(environment: &Environment<'_>, class: &str) -> Option<(String, String)> {
    let file = named(environment);
    match environment.storage().get(class) {
        Some(Storage::Sqlite) => None,
        Some(Storage::KeyValue) => Some((
            format!("the class `{class}` is in `new_classes` of {file}, which gives it no SQLite"),
            format!(
                "move {class:?} to `new_sqlite_classes`; one that is deployed already cannot \
                 change, so give it another name"
            ),
        )),
        None => Some((
            format!("the class `{class}` of a Durable Object has no migration in {file}"),
            format!(
                "add {{ \"tag\": \"…\", \"new_sqlite_classes\": [{class:?}] }} to `migrations`"
            ),
        )),
    }
}

fn date(file: &Wrangler<'_>, environment: &Environment<'_>, problems: &mut Vec<Problem>) {
    let fix = format!("set `compatibility_date` to \"{MIN_COMPATIBILITY_DATE}\" or a later day");
    match environment.compatibility_date() {
        None => {
            let message = "there is no `compatibility_date`";
            problems.push(Problem::new(file.beginning(), message, fix));
        }
        Some((date, place)) if !is_date(date) => {
            problems.push(Problem::new(place, format!("`{date}` is no date"), fix));
        }
        // Years of four digits: the order of the texts is that of the days.
        Some((date, place)) if date < MIN_COMPATIBILITY_DATE => problems.push(Problem::new(
            place,
            format!("the compatibility date {date} is too old"),
            fix,
        )),
        Some(_) => {}
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

pub(super) fn named(environment: &Environment<'_>) -> String {
    match &environment.name {
        None => FILE.into(),
        Some(name) => format!("`env.{name}` of {FILE}"),
    }
}
