//! Limits the depth of a value before it is written.

use super::path::{Path, Step};
use super::{MAX_DEPTH, Object, Value};

/// Finds a value inside more than [`MAX_DEPTH`] others. It looks no deeper itself: the value may be
/// nested further than the stack reaches.
pub(super) fn check_depth(value: &Value) -> Result<(), Path> {
    check(value, 0)
}

fn check(value: &Value, depth: usize) -> Result<(), Path> {
    if depth > MAX_DEPTH {
        return Err(Path::default());
    }
    match value {
        Value::Array(items) => check_items(items.iter(), depth),
        Value::Set(set) => check_items(set.iter(), depth),
        Value::Object(fields) => check_fields(fields, depth),
        Value::Map(map) => map.iter().enumerate().try_for_each(|(index, (key, value))| {
            check_inside(key, depth, || Step::Key(index))?;
            check_inside(value, depth, || Step::Value(index))
        }),
        Value::Error(error) => {
            check_fields(&error.props, depth)?;
            error.cause.iter().try_for_each(|cause| check_inside(cause, depth, || Step::Cause))
        }
        _ => Ok(()),
    }
}

fn check_items<'a>(items: impl Iterator<Item = &'a Value>, depth: usize) -> Result<(), Path> {
    let mut items = items.enumerate();
    items.try_for_each(|(index, item)| check_inside(item, depth, || Step::Index(index)))
}

fn check_fields(fields: &Object, depth: usize) -> Result<(), Path> {
    let mut fields = fields.iter();
    fields.try_for_each(|(key, value)| check_inside(value, depth, || Step::field(key)))
}

fn check_inside(value: &Value, depth: usize, step: impl FnOnce() -> Step) -> Result<(), Path> {
    check(value, depth + 1).map_err(|path| path.inside(step()))
}
