//! The messages about what environments lack.

use super::{BindingKind, Need, Wrangler, lack::Lack};
use crate::Problem;

/// The environments of a lack, in words.
enum Scope {
    /// The environments that lack it.
    Missing(String),
    /// The environments that have it, and those that lack it.
    Only(String),
}

pub(super) fn lacking(file: &Wrangler<'_>, lack: &Lack<'_>) -> Problem {
    let (message, fix) = match &lack.need {
        Need::Cron(cron) => trigger(cron, file, lack),
        Need::Binding(kind, name) => binding(*kind, name, file, lack),
        Need::Class(name) => class(name, file, lack),
    };
    let problem = Problem::new(lack.place.clone(), message, fix);
    if lack.is_of_a_base { problem.into_warning() } else { problem }
}

fn trigger(cron: &str, file: &Wrangler<'_>, lack: &Lack<'_>) -> (String, String) {
    let missing = match scope(file, lack) {
        Scope::Missing(place) if lack.present.is_empty() => {
            format!("not in {place}, so it never fires")
        }
        Scope::Missing(place) => format!("not in {place}, so it does not fire there"),
        Scope::Only(places) => format!("only in {places}, so it does not fire there"),
    };
    let fix = format!("add {cron:?} to {}", targets(lack, "triggers.crons"));
    (format!("the trigger `{cron}` is {missing}"), fix)
}

fn binding(
    kind: BindingKind,
    name: &str,
    file: &Wrangler<'_>,
    lack: &Lack<'_>,
) -> (String, String) {
    let missing = match scope(file, lack) {
        Scope::Missing(place) if lack.present.contains(&None) => {
            format!("not in {place}, and environments inherit no bindings")
        }
        Scope::Missing(place) => format!("not in {place}"),
        Scope::Only(places) => format!("only in {places}"),
    };
    let (key, targets) = (kind.name_key(), targets(lack, kind.list()));
    let fix = match file.is_toml() {
        true => format!("add an entry with {key} = {name:?} to {targets}"),
        false => format!("add {{ \"{key}\": {name:?}, … }} to {targets}"),
    };
    (format!("the {kind} `{name}` is {missing}"), fix)
}

fn class(name: &str, file: &Wrangler<'_>, lack: &Lack<'_>) -> (String, String) {
    let (list, by_exports) = (file.class_list(), file.class_list() == "exports");
    let missing = match (scope(file, lack), by_exports) {
        (Scope::Missing(place), true) => format!("is not in `exports` of {place}"),
        (Scope::Missing(place), false) => format!("has no migration in {place}"),
        (Scope::Only(places), true) => format!("is in `exports` only in {places}"),
        (Scope::Only(places), false) => format!("has a migration only in {places}"),
    };
    let entry = match (by_exports, file.is_toml()) {
        (true, true) => format!("{name} = {{ type = \"durable-object\", storage = \"sqlite\" }}"),
        (true, false) => {
            format!("{name:?}: {{ \"type\": \"durable-object\", \"storage\": \"sqlite\" }}")
        }
        (false, true) => format!("an entry with tag = \"…\" and new_sqlite_classes = [{name:?}]"),
        (false, false) => format!("{{ \"tag\": \"…\", \"new_sqlite_classes\": [{name:?}] }}"),
    };
    let message = format!("the class `{name}` of a Durable Object {missing}");
    (message, format!("add {entry} to {}", targets(lack, list)))
}

fn scope(file: &Wrangler<'_>, lack: &Lack<'_>) -> Scope {
    let file = file.file();
    let absent = named(&lack.absent);
    if !lack.absent.contains(&None) {
        return Scope::Missing(format!("{absent} of {file}"));
    }
    if lack.present.is_empty() {
        return Scope::Missing(file.into());
    }
    let also = if absent.is_empty() { String::new() } else { format!(" and not in {absent}") };
    Scope::Only(format!("{} of {file}, not at the top level{also}", named(&lack.present)))
}

fn named(environments: &[Option<&str>]) -> String {
    joined(environments.iter().flatten().map(|name| format!("`env.{name}`")))
}

/// Returns the lists to add an entry to.
fn targets(lack: &Lack<'_>, list: &str) -> String {
    joined(lack.absent.iter().map(|name| match name {
        None => format!("`{list}`"),
        Some(name) => format!("`env.{name}.{list}`"),
    }))
}

fn joined(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    match names.pop() {
        Some(name) if names.is_empty() => name,
        Some(name) => format!("{} and {name}", names.join(", ")),
        None => String::new(),
    }
}
