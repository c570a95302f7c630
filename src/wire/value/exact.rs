//! Writes values of Rust types in wire form: numbers that no JSON number of JavaScript holds are tagged.

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
        SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{
    TAG,
    integers::MAX_SAFE,
    texts::{Next, Texts, write_str},
};

/// Writes a value as JSON in wire form: integers beyond ±(2^53 − 1) as big integers, NaN and infinities by
/// their tags.
///
/// # Errors
/// Those of `serde_json`.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = Vec::with_capacity(128);
    let next = Next::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Texts(&next));
    value.serialize(Exact(&mut serializer, &next))?;
    String::from_utf8(text).map_err(serde_json::Error::custom)
}

/// A serializer that tags numbers.
struct Exact<'n, S>(S, &'n Next);

/// A value inside another one.
struct Inner<'a, T: ?Sized>(&'a T, &'a Next);

impl<T: Serialize + ?Sized> Serialize for Inner<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Exact(serializer, self.1))
    }
}

macro_rules! integers {
    ($($method:ident($integer:ty);)+) => {$(
        fn $method(self, value: $integer) -> Result<Self::Ok, Self::Error> {
            let magnitude: u128 = value.unsigned_abs_of();
            if magnitude > MAX_SAFE.unsigned_abs().into() {
                return (TAG, "bigint", value.to_string()).serialize(self.0);
            }
            self.0.$method(value)
        }
    )+};
}

/// The magnitude of an integer.
trait Magnitude {
    fn unsigned_abs_of(self) -> u128;
}

impl Magnitude for i64 {
    fn unsigned_abs_of(self) -> u128 {
        self.unsigned_abs().into()
    }
}

impl Magnitude for u64 {
    fn unsigned_abs_of(self) -> u128 {
        self.into()
    }
}

impl Magnitude for i128 {
    fn unsigned_abs_of(self) -> u128 {
        self.unsigned_abs()
    }
}

impl Magnitude for u128 {
    fn unsigned_abs_of(self) -> u128 {
        self
    }
}

macro_rules! plain {
    ($($method:ident($($name:ident: $type:ty),*);)+) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::Ok, Self::Error> {
            self.0.$method($($name),*)
        }
    )+};
}

macro_rules! compound {
    ($($method:ident($($name:ident: $type:ty),*) -> $compound:ident;)+) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::$compound, Self::Error> {
            self.0.$method($($name),*).map(|compound| Exact(compound, self.1))
        }
    )+};
}

impl<'n, S: Serializer> Serializer for Exact<'n, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Exact<'n, S::SerializeSeq>;
    type SerializeTuple = Exact<'n, S::SerializeTuple>;
    type SerializeTupleStruct = Exact<'n, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Exact<'n, S::SerializeTupleVariant>;
    type SerializeMap = Exact<'n, S::SerializeMap>;
    type SerializeStruct = Exact<'n, S::SerializeStruct>;
    type SerializeStructVariant = Exact<'n, S::SerializeStructVariant>;

    integers! {
        serialize_i64(i64);
        serialize_u64(u64);
        serialize_i128(i128);
        serialize_u128(u128);
    }

    plain! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_char(value: char);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    compound! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant;
    }

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        write_str(self.0, value, self.1)
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.0.serialize_f32(value)
        } else {
            self.serialize_f64(value.into())
        }
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        let tag = match value {
            value if value.is_finite() => return self.0.serialize_f64(value),
            value if value.is_nan() => "nan",
            value if value > 0.0 => "inf",
            _ => "-inf",
        };
        (TAG, tag).serialize(self.0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Inner(value, self.1))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Inner(value, self.1))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Inner(value, self.1))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! elements {
    ($($compound:ident::$method:ident;)+) => {$(
        impl<S: $compound> $compound for Exact<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Inner(value, self.1))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )+};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($compound:ident;)+) => {$(
        impl<S: $compound> $compound for Exact<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.serialize_field(key, &Inner(value, self.1))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )+};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

/// A key is a string, and holds no tag.
impl<S: SerializeMap> SerializeMap for Exact<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Inner(value, self.1))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{json, value::RawValue};

    use super::*;
    use crate::wire::value::{
        BigInt, Date, Value,
        integers::{from_json, plain_integers},
        texts::tests::text,
    };

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Counts {
        id: u64,
        by: BTreeMap<u64, i64>,
        last: Option<i128>,
        kind: Kind,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Kind {
        None,
        Of(u64),
        Pair(i64, u64),
        Named { n: u128 },
    }

    #[derive(Serialize)]
    struct Several<'a> {
        text: &'a str,
        list: Vec<&'a str>,
        raw: Box<RawValue>,
        #[serde(flatten)]
        tagged: Tagged<'a>,
    }

    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Tagged<'a> {
        Of { text: &'a str },
    }

    #[test]
    fn tags_numbers_that_javascript_would_round_and_no_others() {
        for (value, text) in [
            (9_007_199_254_740_991, "9007199254740991"),
            (-9_007_199_254_740_991, "-9007199254740991"),
            (9_007_199_254_740_992, r#"["$lunora.wire$","bigint","9007199254740992"]"#),
            (i64::MIN, r#"["$lunora.wire$","bigint","-9223372036854775808"]"#),
        ] {
            assert_eq!(to_json(&value).unwrap(), text);
        }
        assert_eq!(
            to_json(&u64::MAX).unwrap(),
            r#"["$lunora.wire$","bigint","18446744073709551615"]"#
        );
        for (value, text) in [
            (f64::NAN, r#"["$lunora.wire$","nan"]"#),
            (f64::INFINITY, r#"["$lunora.wire$","inf"]"#),
            (f64::NEG_INFINITY, r#"["$lunora.wire$","-inf"]"#),
            (1e21, "1e+21"),
            (0.5, "0.5"),
        ] {
            assert_eq!(to_json(&value).unwrap(), text);
        }
        assert_eq!(to_json(&[Some(f32::NAN), None]).unwrap(), r#"[["$lunora.wire$","nan"],null]"#);
    }

    #[test]
    fn what_is_in_wire_form_already_stays_and_keys_are_strings() {
        let raw = RawValue::from_string("{ \"n\":9007199254740993}".to_owned()).unwrap();
        assert_eq!(to_json(&(&raw, 1)).unwrap(), r#"[{ "n":9007199254740993},1]"#);
        let keys = BTreeMap::from([(u64::MAX, "a")]);
        assert_eq!(to_json(&keys).unwrap(), r#"{"18446744073709551615":"a"}"#);
        for text in [
            r#"["$lunora.wire$","bigint","9007199254740993"]"#,
            r#"["$lunora.wire$","date",["$lunora.wire$","nan"]]"#,
            r#"["$lunora.wire$","map",[[["$lunora.wire$","inf"],1]]]"#,
        ] {
            assert_eq!(to_json(&Value::from_wire(text).unwrap()).unwrap(), text);
        }
        let leaves = (BigInt::from(5_u64), Date::from_millis(f64::NAN));
        assert_eq!(to_json(&leaves).unwrap(), serde_json::to_string(&leaves).unwrap());
    }

    #[test]
    fn a_text_of_a_user_is_no_tag() {
        let text = r#"["$lunora.wire$","bigint","9007199254740993"]"#;
        let (read, big): (String, u64) = from_json(&to_json(&(text, u64::MAX)).unwrap()).unwrap();
        assert_eq!((&*read, big), (text, u64::MAX));
        assert_eq!(
            plain_integers(r#"{"a":["$lunora.wire$","bigint","5"]}"#),
            Some(r#"{"a":["$lunora.wire$","bigint","5"]}"#.to_owned())
        );
        assert_eq!(plain_integers(r#"{"a":5}"#), None);
        assert!(from_json::<u64>(r#"["$lunora.wire$","bigint","5"]"#).is_err());
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(id: u64, by: BTreeMap<u64, i64>, last: Option<i128>, n: u64, kind in 0..4) {
            let kind = match kind {
                0 => Kind::None,
                1 => Kind::Of(n),
                2 => Kind::Pair(-i64::try_from(n / 2).unwrap(), n),
                _ => Kind::Named { n: n.into() },
            };
            let counts = Counts { id, by, last, kind };
            let text = to_json(&counts).unwrap();
            prop_assert_eq!(from_json::<Counts>(&text).unwrap(), counts);
        }

        #[test]
        fn plain_values_are_written_as_serde_json_writes_them(n in -1_000_000_i64..1_000_000, text: String, list: Vec<Option<bool>>) {
            let value = json!({ "n": n, "text": text, "list": list });
            prop_assert_eq!(to_json(&value).unwrap(), serde_json::to_string(&value).unwrap());
        }

        #[test]
        fn texts_are_written_as_serde_json_writes_them(a in text(), b in text(), numbers in prop::collection::vec(any::<u32>(), 0..40)) {
            let raw = serde_json::value::to_raw_value(&numbers).unwrap();
            let several = Several { text: &a, list: vec![&b, "", &a], raw, tagged: Tagged::Of { text: &b } };
            prop_assert_eq!(to_json(&several).unwrap(), serde_json::to_string(&several).unwrap());
            prop_assert_eq!(to_json(&a).unwrap(), serde_json::to_string(&a).unwrap());
            let keys = std::collections::BTreeMap::from([(&a, &b), (&b, &a)]);
            prop_assert_eq!(to_json(&keys).unwrap(), serde_json::to_string(&keys).unwrap());
        }
    }
}
