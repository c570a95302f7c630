//! SameValueZero: when JavaScript's `Map` and `Set` call two keys the same.
//!
//! Scalars are the same by value, NaN included. Everything else is the same only as itself, and two values read from
//! the wire are never one object.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Value;

/// A scalar, comparable under SameValueZero.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar<'a> {
    Null,
    Undefined,
    Bool(bool),
    Number(u64),
    BigInt(&'a str),
    String(&'a str),
}

impl<'a> Scalar<'a> {
    /// Returns the scalar that `value` is, or `None` for a value with an identity.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Undefined => Self::Undefined,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) if number.is_nan() => Self::Number(f64::NAN.to_bits()),
            // Adding zero turns -0 into 0.
            Value::Number(number) => Self::Number((number + 0.0).to_bits()),
            Value::BigInt(integer) => Self::BigInt(integer.as_str()),
            Value::String(text) => Self::String(text),
            _ => return None,
        })
    }
}

/// Returns for each key in turn the position of an equal one before it, counting only keys without
/// an earlier equal. `None` as a key equals nothing.
///
/// A tree rather than a hash table: the keys are untrusted, and a Worker's hash seed is not secret.
pub(super) fn earlier_equals<K: Ord>(keys: impl Iterator<Item = Option<K>>) -> Vec<Option<usize>> {
    let mut places = BTreeMap::new();
    let mut next = 0;
    keys.map(|key| {
        if let Some(key) = key {
            match places.entry(key) {
                Entry::Occupied(place) => return Some(*place.get()),
                Entry::Vacant(place) => place.insert(next),
            };
        }
        next += 1;
        None
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::value::BigInt;

    #[test]
    fn scalars_are_the_same_by_value() {
        let same = |a: &Value, b: &Value| Scalar::of(a).is_some_and(|a| Some(a) == Scalar::of(b));
        for (a, b, expected) in [
            (Value::Number(f64::NAN), Value::Number(-f64::NAN), true),
            (Value::Number(0.0), Value::Number(-0.0), true),
            (BigInt::from(1).into(), BigInt::from(1).into(), true),
            (BigInt::from(1).into(), Value::from(1), false),
            (Value::from("1"), Value::from(1), false),
            (Value::Null, Value::Undefined, false),
            (Value::Array(vec![]), Value::Array(vec![]), false),
        ] {
            assert_eq!(same(&a, &b), expected, "{a:?} and {b:?}");
        }
    }

    #[test]
    fn places_count_the_kept_keys() {
        let keys = [Some('a'), None, Some('b'), Some('a'), None, Some('c'), Some('c')];
        assert_eq!(
            earlier_equals(keys.into_iter()),
            [None, None, None, Some(0), None, None, Some(4)]
        );
    }
}
