//! Whether documents of one type can be read as another one.

use super::layout::{Enum, Struct, Type};

/// A reason why documents of the old type cannot be read as the new one, at a place in the document.
#[derive(Debug, PartialEq)]
pub(crate) struct Change {
    /// The names of the fields that lead there, with dots; empty at the document itself.
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// The type is another one.
    Type { old: String, new: String },
    /// The field is new, and has no default.
    Added,
    /// The field is gone, and the older code has no default for it.
    Removed,
    /// The field is gone, and unknown fields are refused.
    Refused,
    /// A variant is gone.
    Variant(String),
}

/// Returns why documents of `old` cannot be read as `new`, and which fields without a default are gone.
pub(crate) fn changes(old: &Type, new: &Type) -> Vec<Change> {
    let mut found = Comparison { changes: Vec::new(), reports_removed: true };
    found.compare(old, new, "");
    found.changes
}

/// Returns whether every document of `old` can be read as `new`.
pub(crate) fn reads(new: &Type, old: &Type) -> bool {
    let mut found = Comparison { changes: Vec::new(), reports_removed: false };
    found.compare(old, new, "");
    found.changes.is_empty()
}

struct Comparison {
    changes: Vec<Change>,
    reports_removed: bool,
}

impl Comparison {
    fn compare(&mut self, old: &Type, new: &Type, path: &str) {
        match (old, new) {
            (old, new) if old == new => {}
            (_, Type::Leaf(any)) if any == "any" => {}
            (Type::Option(old), Type::Option(new)) | (Type::List(old), Type::List(new)) => {
                self.compare(old, new, path);
            }
            (Type::Leaf(null), Type::Option(_)) if null == "null" => {}
            (old, Type::Option(new)) => self.compare(old, new, path),
            (Type::Map(old), Type::Map(new)) => {
                self.compare(&old.0, &new.0, path);
                self.compare(&old.1, &new.1, path);
            }
            (Type::Tuple(old), Type::Tuple(new)) if old.len() == new.len() => {
                for (old, new) in old.iter().zip(new) {
                    self.compare(old, new, path);
                }
            }
            (Type::Struct(old), Type::Struct(new)) => self.compare_fields(old, new, path),
            (Type::Enum(old), Type::Enum(new)) => self.compare_variants(old, new, path),
            (Type::Leaf(old), Type::Leaf(new)) if is_wider(old, new) => {}
            (old, new) => {
                let kind = Kind::Type { old: old.to_string(), new: new.to_string() };
                self.note(path.to_owned(), kind);
            }
        }
    }

    fn compare_fields(&mut self, old: &Struct, new: &Struct, path: &str) {
        let at = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for field in &new.fields {
            match old.same(field) {
                Some(before) => {
                    let path = at(field.name());
                    self.compare(&before.of, &field.of, &path);
                    if before.optional && !field.optional {
                        self.note(path, Kind::Added);
                    }
                }
                None if field.optional => {}
                None => self.note(at(field.name()), Kind::Added),
            }
        }
        for field in old.fields.iter().filter(|field| new.same(field).is_none()) {
            if new.closed {
                self.note(at(field.name()), Kind::Refused);
            } else if self.reports_removed && !field.optional {
                self.note(at(field.name()), Kind::Removed);
            }
        }
    }

    fn compare_variants(&mut self, old: &Enum, new: &Enum, path: &str) {
        for (name, content) in &old.variants {
            match new.variants.get(name) {
                Some(now) => self.compare(content, now, path),
                None => self.note(path.to_owned(), Kind::Variant(name.clone())),
            }
        }
    }

    /// Notes one change per place.
    fn note(&mut self, path: String, kind: Kind) {
        if self.changes.iter().all(|change| change.path != path) {
            self.changes.push(Change { path, kind });
        }
    }
}

/// Returns whether `new` reads every value of `old`.
fn is_wider(old: &str, new: &str) -> bool {
    let bits = |name: &str| name.get(1..).and_then(|bits| bits.parse::<u32>().ok());
    let kind = |name: &str| name.as_bytes().first().copied();
    match (kind(old), kind(new), bits(old), bits(new)) {
        (Some(b'u'), Some(b'u'), Some(old), Some(new))
        | (Some(b'i'), Some(b'i'), Some(old), Some(new))
        | (Some(b'f'), Some(b'f'), Some(old), Some(new)) => new >= old,
        (Some(b'u'), Some(b'i'), Some(old), Some(new)) => new > old,
        // Whole numbers of up to 32 bits are exact in 64 bits of a float.
        (Some(b'u' | b'i'), Some(b'f'), Some(old), Some(64)) => old <= 32,
        _ => old == "char" && new == "string",
    }
}
