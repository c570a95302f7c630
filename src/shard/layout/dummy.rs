//! Values that a type may accept where the probe looks at something else.

use serde::de::{
    Deserializer, IntoDeserializer, Visitor,
    value::{MapDeserializer, SeqDeserializer, StrDeserializer},
};

use super::fault::Fault;
use crate::wire::value::TAG;

/// A value for a type of any kind. The attempts differ in texts, in untyped values and in the variants of
/// enums, for types that accept some of them only.
#[derive(Clone, Copy)]
pub(super) struct Dummy {
    attempt: usize,
    depth: usize,
}

impl Dummy {
    /// The number of attempts.
    pub(super) const ATTEMPTS: usize = 12;

    /// A type that contains itself has no end.
    const MAX_DEPTH: usize = 16;

    pub(super) fn new(attempt: usize) -> Self {
        Self { attempt, depth: 0 }
    }

    fn inner(self) -> Result<Self, Fault> {
        if self.depth == Self::MAX_DEPTH {
            return Err(Fault::Other("too deep".to_owned()));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text(self) -> &'static str {
        const TEXTS: [&str; 5] = [
            "0",
            "1970-01-01T00:00:00Z",
            "00000000-0000-0000-0000-000000000000",
            "https://example.com/",
            "ada@example.com",
        ];
        self.attempt.checked_sub(1).and_then(|attempt| TEXTS.get(attempt)).copied().unwrap_or("")
    }
}

impl IntoDeserializer<'static, Fault> for Dummy {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident, $visit:ident, $zero:expr;)*) => {$(
        fn $method<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit($zero)
        }
    )*};
}

impl Deserializer<'static> for Dummy {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = |text: &'static str| StrDeserializer::<Fault>::new(text);
        let tagged = |kind, value| {
            SeqDeserializer::<_, Fault>::new([text(TAG), text(kind), text(value)].into_iter())
        };
        match self.attempt {
            0 => visitor.visit_unit(),
            1 => visitor.visit_borrowed_str(""),
            2 => visitor.visit_u64(0),
            3 => visitor.visit_bool(false),
            4 => self.deserialize_seq(visitor),
            5 => self.deserialize_map(visitor),
            6 => visitor.visit_seq(SeqDeserializer::new(
                [Untyped::Text(TAG), Untyped::Text("date"), Untyped::Zero].into_iter(),
            )),
            7 => visitor.visit_seq(tagged("bigint", "0")),
            8 => visitor.visit_seq(tagged("bytes", "")),
            9 => visitor.visit_seq(tagged("url", "https://example.com/")),
            10 => visitor.visit_seq(SeqDeserializer::new(
                [Untyped::Text(TAG), Untyped::Text("set"), Untyped::Empty].into_iter(),
            )),
            _ => visitor.visit_seq(SeqDeserializer::new(
                [Untyped::Text(TAG), Untyped::Text("map"), Untyped::Empty].into_iter(),
            )),
        }
    }

    numbers! {
        deserialize_bool, visit_bool, false;
        deserialize_i8, visit_i8, 0;
        deserialize_i16, visit_i16, 0;
        deserialize_i32, visit_i32, 0;
        deserialize_i64, visit_i64, 0;
        deserialize_i128, visit_i128, 0;
        deserialize_u8, visit_u8, 0;
        deserialize_u16, visit_u16, 0;
        deserialize_u32, visit_u32, 0;
        deserialize_u64, visit_u64, 0;
        deserialize_u128, visit_u128, 0;
        deserialize_f32, visit_f32, 0.0;
        deserialize_f64, visit_f64, 0.0;
        deserialize_char, visit_char, '0';
        deserialize_bytes, visit_borrowed_bytes, b"";
        deserialize_byte_buf, visit_byte_buf, Vec::new();
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text())
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>()))
    }

    fn deserialize_tuple<V: Visitor<'static>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let inner = self.inner()?;
        visitor.visit_seq(SeqDeserializer::new((0..length).map(|_| inner)))
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<(Self, Self)>()))
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let inner = self.inner()?;
        visitor.visit_map(MapDeserializer::new(fields.iter().map(|field| (*field, inner))))
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let inner = self.inner()?;
        let variant = self.attempt.checked_rem(variants.len()).and_then(|it| variants.get(it));
        let variant = variant.copied().ok_or_else(|| Fault::Other("no variants".to_owned()))?;
        visitor.visit_enum(serde::de::value::MapAccessDeserializer::new(MapDeserializer::new(
            std::iter::once((variant, inner)),
        )))
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// A part of a tagged value.
#[derive(Clone, Copy)]
enum Untyped {
    Text(&'static str),
    Zero,
    Empty,
}

impl IntoDeserializer<'_, Fault> for Untyped {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Untyped {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Text(text) => visitor.visit_borrowed_str(text),
            Self::Zero => visitor.visit_u64(0),
            Self::Empty => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
