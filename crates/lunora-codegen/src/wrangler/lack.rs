//! The needs of the code that environments of the file lack.

use super::{
    Expected, Need,
    file::{Environment, Wrangler},
};
use crate::Place;

/// One need that some environment does not meet.
pub(super) struct Lack<'w> {
    pub(super) need: Need,
    /// The place of the need.
    pub(super) place: Place,
    /// The environments to write it to; `None` is the top level.
    pub(super) absent: Vec<Option<&'w str>>,
    /// The environments that have it.
    pub(super) present: Vec<Option<&'w str>>,
    /// `true` if only the top level lacks it, and is not a Worker of its own.
    pub(super) is_of_a_base: bool,
}

impl<'w> Lack<'w> {
    fn of(need: &Need, place: &Place, environments: &[Environment<'w>]) -> Option<Self> {
        let (mut absent, mut present) = (Vec::new(), Vec::new());
        for environment in environments {
            let owner = owner(need, environment);
            let side = if has(need, environment) { &mut present } else { &mut absent };
            if !side.contains(&owner) {
                side.push(owner);
            }
        }
        // An empty list of triggers is meant, as long as the trigger fires somewhere.
        if let Need::Cron(_) = need {
            let is_silent = |owner: &Option<&str>| {
                environments.iter().any(|environment| {
                    environment.name == *owner && environment.crons().is_some_and(|c| c.is_empty())
                })
            };
            let spared = |owner: &Option<&str>| match present.is_empty() {
                true => owner.is_some() && is_silent(owner),
                false => is_silent(owner),
            };
            absent.retain(|owner| !spared(owner));
        }
        let (need, place) = (need.clone(), place.clone());
        (!absent.is_empty()).then_some(Self { need, place, absent, present, is_of_a_base: false })
    }
}

/// Returns every unmet need, except [invalid expressions](is_cron) of triggers.
pub(super) fn lacks<'w>(file: &'w Wrangler<'w>, expected: &Expected) -> Vec<Lack<'w>> {
    let environments = file.environments();
    let needs = expected.needs.iter().filter(|(need, _)| match need {
        Need::Cron(cron) => is_cron(cron),
        Need::Binding(..) | Need::Class(_) => true,
    });
    let mut lacks: Vec<Lack<'_>> =
        needs.filter_map(|(need, place)| Lack::of(need, place, &environments)).collect();
    // A top level with none of the bindings is what the environments have in common.
    let is_base = !expected.needs.iter().any(|(need, _)| match need {
        Need::Binding(..) => environments.first().is_some_and(|top| has(need, top)),
        Need::Cron(_) | Need::Class(_) => false,
    });
    for lack in &mut lacks {
        lack.is_of_a_base = is_base && lack.absent == [None] && !lack.present.is_empty();
    }
    // A class that only the file names, such as one that a dependency exports.
    for environment in &environments {
        for (_, class, place) in environment.classes() {
            let need = Need::Class(class.into());
            let in_code = expected.needs.iter().any(|(known, _)| *known == need);
            if !in_code && !has(&need, environment) {
                let (absent, present) = (vec![owner(&need, environment)], Vec::new());
                lacks.push(Lack { need, place, absent, present, is_of_a_base: false });
            }
        }
    }
    lacks
}

/// Returns whether the platform accepts the expression of a trigger, which must fire some day.
pub(super) fn is_cron(expression: &str) -> bool {
    expression.parse().is_ok_and(|cron: saffron::Cron| cron.any())
}

fn has(need: &Need, environment: &Environment<'_>) -> bool {
    match need {
        Need::Cron(cron) => environment.crons().is_some_and(|crons| crons.contains(&cron.as_str())),
        Need::Binding(kind, name) => environment.bindings(*kind).contains(&name.as_str()),
        Need::Class(class) => environment.storage().contains_key(class.as_str()),
    }
}

/// Returns the environment whose own value counts: triggers and classes are inherited, bindings are
/// not.
fn owner<'w>(need: &Need, environment: &Environment<'w>) -> Option<&'w str> {
    match need {
        Need::Cron(_) => environment.owner_of("triggers"),
        Need::Binding(..) => environment.name,
        Need::Class(_) => environment.owner_of(environment.file.class_list()),
    }
}
