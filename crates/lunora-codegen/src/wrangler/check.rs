//! The comparison itself.

use super::{
    Expected, FILE, Need, Wrangler,
    file::{Environment, Storage},
    lack::{is_cron, lacks},
    report::lacking,
    shards,
};
use crate::Problem;

/// The oldest supported `compatibility_date`: from it on the runtime has `FinalizationRegistry`, which
/// frees values that JavaScript holds of the wasm.
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
/// Each named environment (`env.staging`) is checked as well. It needs its own bindings, and inherits
/// absent triggers, migrations, `exports` and the date from the top level. A problem names the
/// environments that lack something. If only the top level lacks it, and the top level lacks every
/// binding, it is a warning: such a top level is not a Worker of its own. An environment with
/// `"crons": []`, where nothing fires, is a warning too.
///
/// # Errors
/// Returns every problem in the order of the places, [warnings](crate::Severity::Warning) included.
pub fn check(wrangler: &str, expected: &Expected) -> Result<(), Vec<Problem>> {
    check_file(FILE, wrangler, expected)
}

/// Compares the text of the configuration in `file` with what the code needs, as [`check`] does. A
/// name that ends in `.toml` is read as TOML, any other as JSON with comments.
///
/// # Errors
/// As [`check`].
pub fn check_file(file: &str, text: &str, expected: &Expected) -> Result<(), Vec<Problem>> {
    let file = Wrangler::parse(file, text).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    shards::registry(expected, &mut problems);
    expressions(expected, &mut problems);
    problems.extend(lacks(&file, expected).iter().map(|lack| lacking(&file, lack)));
    for environment in file.environments() {
        classes(&environment, expected, &mut problems);
        silent(&environment, expected, &mut problems);
        date(&file, &environment, &mut problems);
        shards::buckets(&environment, expected, &mut problems);
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Reports expressions that the platform refuses, and those that it probably reads otherwise than
/// intended.
fn expressions(expected: &Expected, problems: &mut Vec<Problem>) {
    for (need, place) in &expected.needs {
        let Need::Cron(cron) = need else { continue };
        if cron.split_ascii_whitespace().nth(4) == Some("1-5") {
            let message =
                format!("the trigger `{cron}` fires from Sunday to Thursday: Sunday is 1");
            let fix =
                "write \"MON-FRI\" for Monday to Friday, or \"SUN-THU\" for Sunday to Thursday";
            problems.push(Problem::new(place.clone(), message, fix).into_warning());
        }
        if !is_cron(cron) {
            let message = format!("invalid cron expression `{cron}`: the platform refuses it");
            let fix = "expected minute, hour, day, month and weekday, such as \"0 3 * * *\", with a \
                       day that exists";
            problems.push(Problem::new(place.clone(), message, fix));
        }
    }
}

/// Reports classes without SQLite, and those that two lists declare.
fn classes(environment: &Environment<'_>, expected: &Expected, problems: &mut Vec<Problem>) {
    let bound = environment.classes().into_iter();
    let bound = bound.map(|(_, class, place)| (class.to_owned(), place));
    let in_code = expected.needs.iter().filter_map(|(need, place)| match need {
        Need::Class(class) => Some((class.clone(), place.clone())),
        Need::Cron(_) | Need::Binding(..) => None,
    });
    let in_code: Vec<_> = in_code.collect();
    let bound = bound.filter(|(class, _)| !in_code.iter().any(|(known, _)| known == class));
    let (storage, by_exports) = (environment.storage(), environment.has_class_exports());
    let owner = environment.owner_of(if by_exports { "exports" } else { "migrations" });
    let file = named(environment.file.file(), owner);
    for (class, place) in in_code.iter().cloned().chain(bound) {
        if storage.get(class.as_str()) != Some(&Storage::KeyValue) {
            continue;
        }
        let (message, fix) = match by_exports {
            true => (
                format!("the class `{class}` in `exports` of {file} has no SQLite"),
                "set its `storage` to \"sqlite\"".to_owned(),
            ),
            false => (
                format!("the class `{class}` has no SQLite: it is in `new_classes` of {file}"),
                format!("move {class:?} to `new_sqlite_classes`"),
            ),
        };
        let fix =
            format!("{fix}; the storage of a deployed class cannot change, so rename such a class");
        problems.push(Problem::new(place, message, fix));
    }
    if let Some(place) = environment.migrations_beside_exports() {
        let message = "`migrations` and `exports` both declare classes, which wrangler refuses";
        problems.push(Problem::new(place, message, "keep one of them"));
    }
}

/// Reports an environment whose list of triggers is empty while others fire.
fn silent(environment: &Environment<'_>, expected: &Expected, problems: &mut Vec<Problem>) {
    let Some(place) = environment.own_crons() else { return };
    let fires = |cron: &str| {
        let environments = environment.file.environments();
        environments.iter().any(|other| other.crons().is_some_and(|list| list.contains(&cron)))
    };
    let wanted = expected.needs.iter().any(|(need, _)| match need {
        Need::Cron(cron) => fires(cron),
        Need::Binding(..) | Need::Class(_) => false,
    });
    if wanted && environment.crons().is_some_and(|list| list.is_empty()) {
        let file = named(environment.file.file(), environment.name);
        let message = format!("`triggers.crons` of {file} is empty, so no trigger fires there");
        let fix = "list the triggers there if they should fire";
        problems.push(Problem::new(place, message, fix).into_warning());
    }
}

fn date(file: &Wrangler<'_>, environment: &Environment<'_>, problems: &mut Vec<Problem>) {
    let fix = format!("set `compatibility_date` to \"{MIN_COMPATIBILITY_DATE}\" or a later day");
    match environment.compatibility_date() {
        None => {
            let message = "missing key `compatibility_date`";
            problems.push(Problem::new(file.beginning(), message, fix));
        }
        Some((date, place)) if !is_date(date) => {
            problems.push(Problem::new(place, format!("invalid date `{date}`"), fix));
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

/// Returns the words for the file, or for an environment of it.
pub(super) fn named(file: &str, environment: Option<&str>) -> String {
    match environment {
        None => file.into(),
        Some(name) => format!("`env.{name}` of {file}"),
    }
}
