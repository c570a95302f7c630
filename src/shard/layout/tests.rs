//! What a layout says of types.

#![allow(dead_code, reason = "what is read is not used")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::look::Look;
use crate::wire::value::{Date, TypedBytes};

fn layout<T: serde::de::DeserializeOwned>() -> Value {
    Look::<T>::default().describe()
}

/// A text that is not just any.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Address;

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.contains('@').then_some(Self).ok_or("an address has an @")
    }
}

#[test]
fn says_what_each_field_is_and_whether_it_may_be_absent() {
    #[derive(Deserialize)]
    struct Message {
        author: String,
        #[serde(default)]
        tags: Vec<u8>,
        at: Date,
        data: Option<TypedBytes>,
        by_name: BTreeMap<String, (f64, bool)>,
        link: Address,
        #[serde(default)]
        likes: i32,
    }
    let field = |name: &str, optional: bool, of: Value| json!({ "names": [name], "optional": optional, "type": of });
    assert_eq!(
        layout::<Message>(),
        json!({ "struct": { "name": "Message", "closed": false, "fields": [
            field("author", false, json!("string")),
            field("tags", true, json!({ "list": "u8" })),
            field("at", false, json!({ "opaque": "a date" })),
            field("data", true, json!({ "option": { "opaque": "bytes" } })),
            field("by_name", false, json!({ "map": ["string", { "tuple": ["f64", "bool"] }] })),
            field("link", false, json!("string")),
            field("likes", true, json!("i32")),
        ] } })
    );
}

#[test]
fn says_the_other_names_of_a_field_and_that_no_field_may_be_added() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Closed {
        #[serde(alias = "name")]
        full_name: String,
    }
    assert_eq!(
        layout::<Closed>(),
        json!({ "struct": { "name": "Closed", "closed": true, "fields": [
            { "names": ["fullName", "name"], "optional": false, "type": "string" },
        ] } })
    );
}

#[test]
fn says_each_variant_and_where_a_type_contains_itself() {
    #[derive(Deserialize)]
    enum Tree {
        Leaf,
        Text(String),
        Pair(Box<Tree>, u8),
        Named { left: Box<Tree> },
    }
    assert_eq!(
        layout::<Tree>(),
        json!({ "enum": { "name": "Tree", "variants": {
            "Leaf": "null",
            "Text": "string",
            "Pair": { "tuple": [{ "recursive": "Tree" }, "u8"] },
            "Named": { "struct": { "name": "", "closed": false, "fields": [
                { "names": ["left"], "optional": false, "type": { "recursive": "Tree" } },
            ] } },
        } } })
    );
}

#[test]
fn names_what_it_cannot_see_into() {
    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A(u8),
    }
    #[derive(Deserialize)]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    assert_eq!(layout::<Tagged>(), json!({ "opaque": "internally tagged enum Tagged" }));
    assert_eq!(
        layout::<Untagged>(),
        json!({ "opaque": "data did not match any variant of untagged enum Untagged" })
    );
    assert_eq!(layout::<Flat>(), json!({ "opaque": "flattened fields" }));
    assert_eq!(layout::<Value>(), json!("any"));
    assert_eq!(layout::<Box<serde_json::value::RawValue>>(), json!("any"));
    assert_eq!(layout::<crate::wire::value::Value>(), json!("any"));
}
