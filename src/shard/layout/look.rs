//! The whole of a type, look by look.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    fault::Fault,
    fields,
    place::Place,
    probe::{Seen, Step},
};

/// Looks at a type, place by place.
pub(super) struct Look<T> {
    place: Place<T>,
    /// The named types around the place, by their fields or variants.
    within: Vec<&'static [&'static str]>,
}

impl<T> Default for Look<T> {
    fn default() -> Self {
        Self { place: Place::default(), within: Vec::new() }
    }
}

impl<T: DeserializeOwned> Look<T> {
    /// The deepest place.
    const MAX_DEPTH: usize = 64;

    /// Describes what is at the place.
    pub(super) fn describe(&mut self) -> Value {
        let (seen, fault) = self.place.see();
        match seen {
            None => json!({ "opaque": "a type that could not be reached" }),
            _ if self.place.path.len() == Self::MAX_DEPTH => json!({ "opaque": "a nested type" }),
            Some(Seen::Leaf(name)) => json!(name),
            Some(Seen::Untyped) => match fault {
                Some(Fault::Other(message)) => {
                    json!({ "opaque": message.strip_prefix("expected ").unwrap_or(&message) })
                }
                _ => json!("any"),
            },
            Some(Seen::Option) => json!({ "option": self.at(Step::Some) }),
            Some(Seen::List) => json!({ "list": self.at(Step::Element(0)) }),
            Some(Seen::Tuple(length)) => {
                let elements = (0..length).map(|at| self.at(Step::Element(at)));
                json!({ "tuple": elements.collect::<Vec<_>>() })
            }
            Some(Seen::Map) => match self.at(Step::Key) {
                // A struct that flattens another one asks for a map, and compares the keys by itself.
                key if key == json!("identifier") => json!({ "opaque": "flattened fields" }),
                key => json!({ "map": [key, self.at(Step::Value)] }),
            },
            Some(Seen::Struct(name, names)) => self.inside(name, names, |look| {
                let closed = fields::are_closed(&look.place);
                let fields = fields::of(&mut look.place, names).into_iter().map(|field| {
                    let of = look.at(Step::Field(field.first));
                    json!({ "names": field.names(), "optional": field.is_optional, "type": of })
                });
                let fields: Vec<_> = fields.collect();
                json!({ "struct": { "name": name, "closed": closed, "fields": fields } })
            }),
            Some(Seen::Enum(name, names)) => self.inside(name, names, |look| {
                let variants: serde_json::Map<_, _> = names
                    .iter()
                    .map(|variant| ((*variant).to_owned(), look.at(Step::Variant(variant))))
                    .collect();
                json!({ "enum": { "name": name, "variants": variants } })
            }),
        }
    }

    /// Describes what is one step further.
    fn at(&mut self, step: Step) -> Value {
        self.place.path.push(step);
        let described = self.describe();
        self.place.path.pop();
        described
    }

    /// Describes a named type once, however often it contains itself.
    fn inside(
        &mut self,
        name: &str,
        names: &'static [&'static str],
        describe: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        if self.within.iter().any(|around| std::ptr::eq(*around, names)) {
            return json!({ "recursive": name });
        }
        self.within.push(names);
        let described = describe(self);
        self.within.pop();
        described
    }
}
