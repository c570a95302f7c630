//! Single fields of objects, as raw text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Returns the fields of these names; `None` if `json` is not one object. Of a repeated field the
/// last one counts, as in JavaScript.
pub(in crate::coordinator) fn pick<'a, const N: usize>(
    json: &'a str,
    names: [&str; N],
) -> Option<[Option<&'a str>; N]> {
    struct Pick<'n, const N: usize>([&'n str; N]);

    impl<'de, const N: usize> Visitor<'de> for Pick<'_, N> {
        type Value = [Option<&'de str>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            while let Some(Name(field)) = map.next_key()? {
                match self.0.iter().position(|name| *name == field) {
                    Some(index) => found[index] = Some(map.next_value::<&RawValue>()?.get()),
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(found)
        }
    }

    if !json.starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = reader.deserialize_map(Pick(names)).ok()?;
    reader.end().ok().map(|()| found)
}

/// A field's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
