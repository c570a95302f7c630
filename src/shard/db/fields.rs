//! Splits the JSON text of a document at its top level, and joins it again.
//!
//! The texts of the values are never changed: an integer above 2^53 keeps its digits.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    errors::LunoraError,
    wire::{number, value::UNDEFINED},
};

pub(crate) const ID: &str = "_id";
pub(crate) const CREATION_TIME: &str = "_creationTime";
pub(crate) const DELETED_AT: &str = "_deletedAt";

/// The fields of a document in their order, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    /// Splits an object; `None` for any other JSON.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| *value)
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(at).1)
    }

    /// Sets a field: in its place if it exists, else at the end.
    pub(crate) fn set(&mut self, name: Cow<'a, str>, value: &'a str) {
        match self.0.iter_mut().find(|(field, _)| *field == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        self.0.into_iter()
    }

    /// Returns the object of these fields, and nothing else.
    pub(crate) fn to_object(&self) -> String {
        let mut json = String::from("{");
        for (name, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            // A text can always be written.
            json.push_str(&serde_json::to_string(name).unwrap_or_default());
            json.push(':');
            push_on_one_line(&mut json, value);
        }
        json.push('}');
        json
    }

    /// Returns the first field that belongs to the shard and not to the application.
    pub(crate) fn first_system_field(&self) -> Option<&str> {
        self.0.iter().map(|(name, _)| &**name).find(|name| name.starts_with('_'))
    }

    /// Returns the document of these fields.
    pub(crate) fn to_document(&self, system: &System<'_>) -> Result<String, LunoraError> {
        let mut json = String::from("{\"_id\":");
        push_json(&mut json, &system.id)?;
        json.push_str(",\"_creationTime\":");
        json.push_str(&number(system.creation_time));
        if let Some(at) = system.deleted_at {
            json.push_str(",\"_deletedAt\":");
            json.push_str(&number(at));
        }
        for (name, value) in &self.0 {
            if [ID, CREATION_TIME, DELETED_AT].contains(&&**name) {
                continue;
            }
            json.push(',');
            push_json(&mut json, name)?;
            json.push(':');
            push_on_one_line(&mut json, value);
        }
        json.push('}');
        Ok(json)
    }
}

/// The fields that the shard itself gives a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System<'a> {
    pub(crate) id: &'a str,
    pub(crate) creation_time: f64,
    pub(crate) deleted_at: Option<f64>,
}

/// Formats a number as JSON; a whole one without a point, and zero without a sign.
pub(crate) fn number(number: f64) -> String {
    if number.is_finite() { number::to_javascript(number + 0.0) } else { "null".to_owned() }
}

/// Appends a document as one line of an export. A control character in JSON is always white space:
/// in a text it would be escaped.
fn push_on_one_line(json: &mut String, value: &str) {
    if value.bytes().any(|byte| byte < b' ') {
        json.extend(value.chars().filter(|c| *c >= ' '));
    } else {
        json.push_str(value);
    }
}

fn push_json(json: &mut String, value: &impl Serialize) -> Result<(), LunoraError> {
    json.push_str(&serde_json::to_string(value).map_err(LunoraError::internal)?);
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fill;

        impl<'de> Visitor<'de> for Fill {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields: Vec<(Cow<'de, str>, &'de str)> = Vec::new();
                let mut repeated = false;
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    let value = map.next_value::<&'de RawValue>()?.get();
                    repeated |=
                        fields.len() < 32 && fields.iter().any(|(field, _)| *field == name.0);
                    repeated |= fields.len() >= 32;
                    fields.push((name.0, value));
                }
                if repeated {
                    fields = last_of_each(fields);
                }
                // An undefined field counts as absent.
                fields.retain(|(_, value)| *value != UNDEFINED);
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Fill)
    }
}

/// Keeps the last value of a repeated field, at the first one's place, as in JavaScript.
fn last_of_each<'a>(fields: Vec<(Cow<'a, str>, &'a str)>) -> Vec<(Cow<'a, str>, &'a str)> {
    let mut places = std::collections::BTreeMap::new();
    let mut kept: Vec<(Cow<'a, str>, &'a str)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match places.get(&*name).and_then(|at: &usize| kept.get_mut(*at)) {
            Some(field) => field.1 = value,
            None => {
                places.insert(name.to_string(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

/// A name that is borrowed unless it has escapes: serde always copies a `Cow`.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrow)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SYSTEM: System<'_> = System { id: "a", creation_time: 5.0, deleted_at: None };

    #[test]
    fn values_keep_their_text() {
        let json =
            r#"{"big":9007199254740993,"tag":["$lunora.wire$","bigint","5"],"text":"\u00e9\n"}"#;
        let document = Fields::parse(json).unwrap().to_document(&SYSTEM).unwrap();
        assert_eq!(
            document,
            r#"{"_id":"a","_creationTime":5,"big":9007199254740993,"tag":["$lunora.wire$","bigint","5"],"text":"\u00e9\n"}"#
        );
    }

    #[test]
    fn of_a_repeated_field_the_last_counts() {
        let fields = Fields::parse(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
        assert_eq!((fields.get("a"), fields.0.len()), (Some("3"), 2));
        let many: Vec<_> = (0..100).map(|at| format!("\"f{}\":{at}", at % 50)).collect();
        let json = format!("{{{}}}", many.join(","));
        let fields = Fields::parse(&json).unwrap();
        assert_eq!((fields.get("f0"), fields.0.len()), (Some("50"), 50));
    }

    #[test]
    fn an_undefined_field_is_absent() {
        let fields = Fields::parse(r#"{"a":["$lunora.wire$","undefined"],"b":null}"#).unwrap();
        assert_eq!((fields.get("a"), fields.get("b")), (None, Some("null")));
    }

    #[test]
    fn a_document_is_one_line() {
        let fields = Fields::parse("{\"a\":[1,\n\t2],\r\n\"b\":\"\\n\"}").unwrap();
        let document = fields.to_document(&SYSTEM).unwrap();
        assert_eq!(document, r#"{"_id":"a","_creationTime":5,"a":[1,2],"b":"\n"}"#);
    }

    #[test]
    fn only_an_object_is_a_document() {
        for json in ["[]", "null", "1", "\"{}\"", "{", "{} {}"] {
            assert!(Fields::parse(json).is_none(), "{json}");
        }
    }
}
