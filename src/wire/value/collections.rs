//! [`Map`] and [`Set`], in insertion order.

use super::Value;
use super::same_value_zero::{Scalar, earlier_equals};

/// A JavaScript `Map`: entries in insertion order, with any value as key.
///
/// Keys are compared as JavaScript does (SameValueZero): scalars by value, with NaN equal to itself; arrays, objects
/// and everything else never. Setting a key again keeps its place and replaces the value. Looking a key up walks the
/// entries; to add many, collect or [`extend`](Extend::extend).
///
/// ```
/// use lunora::wire::value::{Map, Value};
///
/// let map: Map = [("a", 1), ("b", 2), ("a", 3)].into_iter().collect();
/// assert_eq!(map.len(), 2);
/// assert_eq!(map.get(&Value::from("a")), Some(&Value::from(3)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(Value, Value)>);

impl Map {
    /// Returns a map without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the value of `key`. A key that is not a scalar is never found.
    #[must_use]
    pub fn get(&self, key: &Value) -> Option<&Value> {
        let key = Some(Scalar::of(key)?);
        self.iter().find_map(|(other, value)| (Scalar::of(other) == key).then_some(value))
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the entries in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Into<Value>, V: Into<Value>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(
            entries.into_iter().map(|(key, value)| (positive_zero(key.into()), value.into())),
        );
        let earlier = earlier_equals(all.iter().map(|(key, _)| Scalar::of(key)));
        for (entry, earlier) in all.into_iter().zip(earlier) {
            match earlier.and_then(|at| self.0.get_mut(at)) {
                Some(first) => first.1 = entry.1,
                None => self.0.push(entry),
            }
        }
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A JavaScript `Set`: members in insertion order, compared as the keys of a [`Map`] are.
///
/// ```
/// use lunora::wire::value::{Set, Value};
///
/// let set: Set = ["a", "b", "a"].into_iter().collect();
/// assert_eq!(set.len(), 2);
/// assert!(set.contains(&Value::from("b")));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set(Vec<Value>);

impl Set {
    /// Returns a set without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether `value` is a member. A value that is not a scalar is never found.
    #[must_use]
    pub fn contains(&self, value: &Value) -> bool {
        Scalar::of(value).is_some_and(|value| {
            self.iter().any(|other| Scalar::of(other).as_ref() == Some(&value))
        })
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the members in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Value> + Clone {
        self.0.iter()
    }
}

impl<V: Into<Value>> Extend<V> for Set {
    fn extend<I: IntoIterator<Item = V>>(&mut self, members: I) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(members.into_iter().map(|member| positive_zero(member.into())));
        let earlier = earlier_equals(all.iter().map(Scalar::of));
        self.0 = all
            .into_iter()
            .zip(earlier)
            .filter_map(|(member, earlier)| earlier.is_none().then_some(member))
            .collect();
    }
}

impl<V: Into<Value>> FromIterator<V> for Set {
    fn from_iter<I: IntoIterator<Item = V>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

impl IntoIterator for Set {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Replaces -0 by 0, as a JavaScript `Map` or `Set` does.
fn positive_zero(key: Value) -> Value {
    match key {
        Value::Number(number) => Value::Number(number + 0.0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_wins_at_the_first_place() {
        let map: Map = [("a", 1), ("b", 2), ("a", 3)].into_iter().collect();
        let expected = [(&Value::from("a"), &Value::from(3)), (&Value::from("b"), &Value::from(2))];
        assert_eq!(map.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn keys_with_an_identity_are_never_merged() {
        let map: Map = [(Value::Array(vec![]), 1), (Value::Array(vec![]), 2)].into_iter().collect();
        assert_eq!(map.len(), 2);
        assert_eq!(map.get(&Value::Array(vec![])), None);
    }

    #[test]
    fn extending_merges_with_existing_entries() {
        let mut set: Set = [1, 2].into_iter().collect();
        set.extend([2, 3]);
        assert_eq!(set.into_iter().collect::<Vec<_>>(), [1, 2, 3].map(Value::from));
    }

    #[test]
    fn minus_zero_is_stored_as_zero() {
        let set: Set = [-0.0].into_iter().collect();
        assert!(set.iter().all(|zero| zero.as_f64().is_some_and(f64::is_sign_positive)));
    }
}
