//! [`Object`]: fields in the order they were written.

use super::Value;
use super::same_value_zero::earlier_equals;

/// The fields of a plain object, in the order they were written.
///
/// A key occurs once; setting it again keeps its place and replaces the value. Looking a key up walks the fields, which
/// suits the small objects of a call. To add many fields, collect or [`extend`](Extend::extend).
///
/// ```
/// use lunora::wire::value::{Object, Value};
///
/// let mut user = Object::from([("name", "Ada"), ("role", "admin")]);
/// user.insert("name", Value::from("Grace"));
/// assert_eq!(user.keys().collect::<Vec<_>>(), ["name", "role"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// Returns an object without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Sets `key`, and returns the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Takes `key` out, and returns its value. The others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// Returns the number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the keys in order.
    #[must_use]
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns the same keys with other values.
    pub(super) fn try_map<E>(
        self,
        mut map: impl FnMut(&str, Value) -> Result<Value, E>,
    ) -> Result<Self, E> {
        let map = |(key, value): (String, Value)| map(&key, value).map(|value| (key, value));
        self.0.into_iter().map(map).collect::<Result<_, E>>().map(Self)
    }
}

impl<K: Into<String>, V: Into<Value>> Extend<(K, V)> for Object {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, fields: I) {
        let mut all = std::mem::take(&mut self.0);
        all.extend(fields.into_iter().map(|(key, value)| (key.into(), value.into())));
        let earlier = earlier_equals(all.iter().map(|(key, _)| Some(key)));
        for (field, earlier) in all.into_iter().zip(earlier) {
            match earlier.and_then(|at| self.0.get_mut(at)) {
                Some(first) => first.1 = field.1,
                None => self.0.push(field),
            }
        }
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let mut object = Self::new();
        object.extend(fields);
        object
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Object {
    fn from(fields: [(K, V); N]) -> Self {
        fields.into_iter().collect()
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_wins_at_the_first_place() {
        let object = Object::from([("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(
            object.iter().collect::<Vec<_>>(),
            [("a", &Value::from(3)), ("b", &Value::from(2))]
        );
    }

    #[test]
    fn removing_keeps_the_order_of_the_rest() {
        let mut object = Object::from([("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(object.remove("b"), Some(Value::from(2)));
        assert_eq!(object.remove("b"), None);
        assert_eq!(object.keys().collect::<Vec<_>>(), ["a", "c"]);
    }
}
