//! Getting Rust values into a [`Value`] and out again.

use super::{BigInt, Date, ErrorValue, Map, Object, Set, TypedBytes, Url, Value};

impl Value {
    /// Returns the field `key`, if this is an object that has it.
    ///
    /// ```
    /// use lunora::wire::value::{Object, Value};
    ///
    /// let user = Value::from(Object::from([("name", "Ada")]));
    /// assert_eq!(user.get("name").and_then(Value::as_str), Some("Ada"));
    /// assert_eq!(user.get("age"), None);
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Returns the text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number, if this is one. A bigint is not.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the flag, if this is a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the integer, if this is a bigint. A number is not.
    #[must_use]
    pub fn as_bigint(&self) -> Option<&BigInt> {
        match self {
            Self::BigInt(integer) => Some(integer),
            _ => None,
        }
    }

    /// Returns the time, if this is a date.
    ///
    /// ```
    /// use lunora::wire::value::{Date, Value};
    ///
    /// let day = Date::from_millis(86_400_000.0);
    /// assert_eq!(Value::from(day).as_date(), Some(day));
    /// assert_eq!(Value::from("1970-01-02").as_date(), None);
    /// ```
    #[must_use]
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            _ => None,
        }
    }

    /// Returns the bytes, if this is a buffer or a typed array of any kind.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        }
    }

    /// Returns the elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the fields, if this is a plain object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether this is `undefined`.
    #[must_use]
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $into:expr;)*) => {$(
        impl From<$source> for Value {
            fn from($value: $source) -> Self {
                $into
            }
        }
    )*};
}

// No `From<i64>`: the caller decides whether that is a number, which may round, or a bigint.
from! {
    bool => |flag| Self::Bool(flag);
    f64 => |number| Self::Number(number);
    i32 => |number| Self::Number(number.into());
    u32 => |number| Self::Number(number.into());
    &str => |text| Self::String(text.to_owned());
    String => |text| Self::String(text);
    BigInt => |integer| Self::BigInt(integer);
    Date => |date| Self::Date(date);
    Url => |url| Self::Url(url);
    Map => |map| Self::Map(map);
    Set => |set| Self::Set(set);
    TypedBytes => |bytes| Self::Bytes(bytes);
    ErrorValue => |error| Self::Error(Box::new(error));
    Vec<Value> => |items| Self::Array(items);
    Object => |object| Self::Object(object);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accessor_answers_for_its_own_variant_only() {
        let number = Value::from(1.5);
        assert_eq!(number.as_f64(), Some(1.5));
        assert_eq!((number.as_str(), number.as_bool(), number.as_bigint()), (None, None, None));
        assert_eq!(Value::from(BigInt::from(1)).as_f64(), None);
        assert_eq!(Value::from(TypedBytes::from(vec![1, 2])).as_bytes(), Some(&[1, 2][..]));
        assert!(Value::Null.is_null() && !Value::Undefined.is_null());
    }

    #[test]
    fn stays_small() {
        // A request of one mebibyte can hold half a million values: a large one would cost the isolate its memory.
        assert!(size_of::<Value>() <= 32, "{}", size_of::<Value>());
    }
}
