//! Edits of TOML.

use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item as Node, RawString, Table, TableLike,
    Value,
};

use super::{Edit, Item};

/// Makes every edit that the shape of `text` allows, and reports each to `note`.
pub(super) fn apply(
    text: &str,
    edits: &[Edit],
    note: &mut impl FnMut(&Edit, bool),
) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
    for edit in edits {
        note(edit, edit_one(document.as_table_mut(), edit).is_some());
    }
    let new = document.to_string();
    // The writer ends its lines in its own way.
    let crlf = text.contains("\r\n");
    Ok(if crlf { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new })
}

/// Makes one edit. Returns `None`, without a part of the entry, if another kind of value is in the way.
fn edit_one(root: &mut Table, edit: &Edit) -> Option<()> {
    let path = edit.path();
    let (last, tables) = path.split_last()?;
    let mut at: &mut dyn TableLike = root;
    for (index, key) in tables.iter().enumerate() {
        // A table that only holds tables needs no header of its own.
        at = child(at, key, edit.list != "triggers.crons" || index + 1 < tables.len())?;
    }
    if let Some(key) = &edit.key {
        let table = child(at, last, false)?;
        if table.contains_key(key) {
            return None;
        }
        table.insert(key, Node::Value(value(&edit.item)));
        return Some(());
    }
    match (at.get_mut(last), &edit.item) {
        (Some(Node::ArrayOfTables(list)), Item::Table(entries)) => list.push(table(entries)),
        (Some(Node::Value(Value::Array(list))), item) => push(list, value(item)),
        (Some(_), _) => return None,
        (None, Item::Table(entries)) => {
            let mut list = ArrayOfTables::new();
            list.push(table(entries));
            at.insert(last, Node::ArrayOfTables(list));
        }
        (None, item) => {
            at.insert(last, Node::Value(Value::Array(Array::from_iter([value(item)]))));
        }
    }
    Some(())
}

fn child<'t>(
    table: &'t mut dyn TableLike,
    key: &str,
    implicit: bool,
) -> Option<&'t mut dyn TableLike> {
    if table.get(key).is_none() {
        let mut new = Table::new();
        new.set_implicit(implicit);
        table.insert(key, Node::Table(new));
    }
    table.get_mut(key)?.as_table_like_mut()
}

/// Adds an element in the style of the last one: on its own line, or behind it.
fn push(list: &mut Array, mut value: Value) {
    let last = list.iter().last().and_then(|last| last.decor().prefix()?.as_str());
    let indent = last.and_then(|prefix| prefix.rfind('\n').map(|end| prefix[end..].to_owned()));
    let Some(indent) = indent else {
        list.push(value);
        return;
    };
    // A comment behind the last element stays there.
    let trailing = list.trailing().as_str().unwrap_or_default().trim_end().to_owned();
    let suffix = list.iter().last().and_then(|last| last.decor().suffix()?.as_str());
    let suffix = suffix.unwrap_or_default().trim_end().to_owned();
    if let Some(last) = list.iter_mut().last() {
        last.decor_mut().set_suffix("");
    }
    value.decor_mut().set_prefix(format!("{suffix}{trailing}{indent}"));
    list.push_formatted(value);
    list.set_trailing_comma(true);
    let end = indent.trim_end_matches([' ', '\t']);
    list.set_trailing(RawString::from(end));
}

fn table(entries: &[(&'static str, Item)]) -> Table {
    let mut table = Table::new();
    for (key, item) in entries {
        table.insert(key, Node::Value(value(item)));
    }
    table
}

fn value(item: &Item) -> Value {
    match item {
        Item::Text(text) => text.as_str().into(),
        Item::Number(number) => i64::from(*number).into(),
        Item::List(items) => Value::Array(items.iter().map(value).collect()),
        Item::Table(entries) => {
            let entries = entries.iter().map(|(key, item)| (*key, value(item)));
            Value::InlineTable(InlineTable::from_iter(entries))
        }
    }
}
