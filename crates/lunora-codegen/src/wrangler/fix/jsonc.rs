//! Edits of JSON with comments.

use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};

use super::{Edit, Item};
use crate::wrangler::value::JSONC;

/// Makes every edit that the shape of `text` allows, and reports each to `note`.
pub(super) fn apply(
    text: &str,
    edits: &[Edit],
    note: &mut impl FnMut(&Edit, bool),
) -> Result<String, String> {
    let root = CstRootNode::parse(text, &JSONC).map_err(|error| error.to_string())?;
    let object = root.object_value().ok_or("the root is not an object")?;
    for edit in edits {
        note(edit, edit_one(&object, edit).is_some());
    }
    Ok(root.to_string())
}

/// Makes one edit. Returns `None`, and changes nothing, if another kind of value is in the way.
fn edit_one(root: &CstObject, edit: &Edit) -> Option<()> {
    let path = edit.path();
    let (last, tables) = path.split_last()?;
    if let Some(key) = &edit.key {
        let mut object = root.clone();
        for table in &path {
            object = child(&object, table)?;
        }
        return (!has(&object, key)).then(|| {
            object.append(key, value(&edit.item));
        });
    }
    let mut object = root.clone();
    for table in tables {
        object = child(&object, table)?;
    }
    match last_of(&object, last) {
        Some(property) => match property.value()?.as_array() {
            Some(list) => {
                list.append(value(&edit.item));
            }
            None if is_null(&property) => {
                property.set_value(CstInputValue::Array(vec![value(&edit.item)]));
            }
            None => return None,
        },
        None => {
            object.append(last, CstInputValue::Array(vec![value(&edit.item)]));
        }
    }
    Some(())
}

/// Returns the object at `key`, created if absent.
fn child(object: &CstObject, key: &str) -> Option<CstObject> {
    match last_of(object, key) {
        Some(property) if is_null(&property) => Some(property.object_value_or_set()),
        Some(property) => property.object_value(),
        None => object.append(key, CstInputValue::Object(Vec::new())).object_value(),
    }
}

fn has(object: &CstObject, key: &str) -> bool {
    last_of(object, key).is_some_and(|property| !is_null(&property))
}

/// Returns the last property of that name: of a repeated key the last counts.
fn last_of(object: &CstObject, key: &str) -> Option<jsonc_parser::cst::CstObjectProp> {
    let mut properties = object.properties().into_iter().rev();
    properties.find(|property| property.decoded_name().as_deref() == Some(key))
}

fn is_null(property: &jsonc_parser::cst::CstObjectProp) -> bool {
    property.value().is_some_and(|value| value.as_null_keyword().is_some())
}

fn value(item: &Item) -> CstInputValue {
    match item {
        Item::Text(text) => CstInputValue::String(text.clone()),
        Item::Number(number) => CstInputValue::Number(number.to_string()),
        Item::List(items) => CstInputValue::Array(items.iter().map(value).collect()),
        Item::Table(entries) => CstInputValue::Object(
            entries.iter().map(|(key, item)| ((*key).to_owned(), value(item))).collect(),
        ),
    }
}
