//! The fields of a struct: their names, and which of them may be absent.

use serde::de::DeserializeOwned;

use super::{
    dummy::Dummy,
    fault::Fault,
    place::Place,
    probe::{Seen, Step},
};

/// A field, by each of its names.
pub(super) struct Field {
    pub(super) first: &'static str,
    others: Vec<&'static str>,
    pub(super) is_optional: bool,
    /// The attempt at a value that the field accepts, if one was found.
    attempt: Option<usize>,
}

impl Field {
    pub(super) fn names(&self) -> Vec<&'static str> {
        std::iter::once(self.first).chain(self.others.iter().copied()).collect()
    }
}

/// Returns the fields of the struct at a place.
pub(super) fn of<T: DeserializeOwned>(
    place: &mut Place<T>,
    names: &'static [&'static str],
) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for name in names {
        let attempt = (0..Dummy::ATTEMPTS).find(|attempt| place.give(&[(name, *attempt)]).0 == 1);
        let same = fields.iter_mut().find(|field| is_same(place, field, name, attempt));
        if let Some(field) = same {
            field.others.push(name);
        } else {
            let (first, others) = (*name, Vec::new());
            fields.push(Field { first, others, is_optional: false, attempt });
        }
    }
    for at in 0..fields.len() {
        let is_optional = is_optional(place, &fields, at);
        if let Some(field) = fields.get_mut(at) {
            field.is_optional = is_optional;
        }
    }
    fields
}

/// Returns whether the struct at a place refuses unknown fields.
pub(super) fn are_closed<T: DeserializeOwned>(place: &Place<T>) -> bool {
    // No name of a field has this character.
    place.give(&[("\u{1}", 0)]).1 == Some(Fault::Unknown)
}

/// Returns whether `name` is another name of `field`: the type then says that the field comes twice.
fn is_same<T: DeserializeOwned>(
    place: &Place<T>,
    field: &Field,
    name: &'static str,
    attempt: Option<usize>,
) -> bool {
    let (Some(one), Some(other)) = (field.attempt, attempt) else { return false };
    place.give(&[(field.first, one), (name, other)]).1 == Some(Fault::Repeated)
}

/// Returns whether the field may be absent, by giving each field but it.
fn is_optional<T: DeserializeOwned>(place: &mut Place<T>, fields: &[Field], at: usize) -> bool {
    let Some(field) = fields.get(at) else { return false };
    let others = fields.iter().enumerate().filter(|(other, _)| *other != at);
    let others: Vec<_> =
        others.filter_map(|(_, other)| Some((other.first, other.attempt?))).collect();
    match place.give(&others).1 {
        None => true,
        Some(Fault::Missing(missing)) if field.names().contains(&missing) => false,
        // A field before it got no value that it accepts: only an option is known to have a default.
        Some(_) => {
            place.step(Step::Field(field.first), |place| place.see().0 == Some(Seen::Option))
        }
    }
}
