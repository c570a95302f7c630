//! Reads a type along a path, up to the place that is looked at.

use std::cell::{Cell, RefCell};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::StrDeserializer,
};

use super::{dummy::Dummy, fault::Fault};

/// One step into a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Some,
    Element(usize),
    Key,
    Value,
    Field(&'static str),
    Variant(&'static str),
}

/// What a type asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Leaf(&'static str),
    /// It takes any value and looks for itself.
    Untyped,
    Option,
    List,
    Map,
    Tuple(usize),
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

/// The purpose of a reading.
pub(super) enum Goal<'a> {
    /// Find out what the type asks for.
    See(&'a RefCell<Option<Seen>>),
    /// Give a struct some of its fields, each with an attempt of a dummy, and find out how that ends.
    Give {
        fields: &'a [(&'static str, usize)],
        /// The number of values that were read.
        read: &'a Cell<usize>,
        /// How it ended.
        end: &'a RefCell<Option<Fault>>,
    },
}

/// The deserializer.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) path: &'a [Step],
    pub(super) goal: &'a Goal<'a>,
}

impl<'a> Probe<'a> {
    /// Returns the next step, and the probe after it.
    fn step(self) -> Option<(Step, Self)> {
        let (step, path) = self.path.split_first()?;
        Some((*step, Self { path, ..self }))
    }

    /// Ends the reading with what was seen.
    fn end<T>(self, seen: Seen) -> Result<T, Fault> {
        if let (Goal::See(cell), []) = (self.goal, self.path) {
            *cell.borrow_mut() = Some(seen);
        }
        Err(Fault::Seen)
    }
}

macro_rules! leaves {
    ($($method:ident = $name:literal;)*) => {$(
        fn $method<V: Visitor<'static>>(self, _: V) -> Result<V::Value, Fault> {
            self.end(Seen::Leaf($name))
        }
    )*};
}

impl Deserializer<'static> for Probe<'_> {
    type Error = Fault;

    /// The type gets `null`, so that its error says what it is instead.
    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (self.goal, self.path) {
            (Goal::See(cell), []) => {
                *cell.borrow_mut() = Some(Seen::Untyped);
                visitor.visit_unit()
            }
            _ => Err(Fault::Seen),
        }
    }

    leaves! {
        deserialize_bool = "bool";
        deserialize_i8 = "i8";
        deserialize_i16 = "i16";
        deserialize_i32 = "i32";
        deserialize_i64 = "i64";
        deserialize_i128 = "i128";
        deserialize_u8 = "u8";
        deserialize_u16 = "u16";
        deserialize_u32 = "u32";
        deserialize_u64 = "u64";
        deserialize_u128 = "u128";
        deserialize_f32 = "f32";
        deserialize_f64 = "f64";
        deserialize_char = "char";
        deserialize_str = "string";
        deserialize_string = "string";
        deserialize_bytes = "bytes";
        deserialize_byte_buf = "bytes";
        deserialize_unit = "null";
        deserialize_identifier = "identifier";
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // Raw JSON asks for itself by such a name.
        if name.starts_with('$') {
            return self.end(Seen::Untyped);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.step() {
            Some((Step::Some, rest)) => visitor.visit_some(rest),
            _ => self.end(Seen::Option),
        }
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.step() {
            Some((Step::Element(at), rest)) => visitor.visit_seq(Elements { before: at, rest }),
            _ => self.end(Seen::List),
        }
    }

    fn deserialize_tuple<V: Visitor<'static>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.step() {
            Some((Step::Element(at), rest)) => visitor.visit_seq(Elements { before: at, rest }),
            _ => self.end(Seen::Tuple(length)),
        }
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
        match self.step() {
            Some((step @ (Step::Key | Step::Value), rest)) => {
                visitor.visit_map(OneEntry { probes_key: step == Step::Key, rest })
            }
            _ => self.end(Seen::Map),
        }
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match (self.step(), self.goal) {
            (Some((Step::Field(field), rest)), _) => {
                visitor.visit_map(OneField { field: Some(field), rest })
            }
            (None, Goal::Give { fields, read, end }) => {
                let given = Given { fields: fields.iter(), value: None, read };
                *end.borrow_mut() = visitor.visit_map(given).err();
                Err(Fault::Seen)
            }
            _ => self.end(Seen::Struct(name, fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.step() {
            Some((Step::Variant(variant), rest)) => {
                visitor.visit_enum(OneVariant { variant, rest })
            }
            _ => self.end(Seen::Enum(name, variants)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, _: V) -> Result<V::Value, Fault> {
        self.end(Seen::Untyped)
    }
}

/// The elements of a list: dummies, and then the one that is looked at.
struct Elements<'a> {
    before: usize,
    rest: Probe<'a>,
}

impl SeqAccess<'static> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'static>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        match self.before.checked_sub(1) {
            None => seed.deserialize(self.rest).map(Some),
            Some(before) => {
                self.before = before;
                seed.deserialize(Dummy::new(0)).map(Some)
            }
        }
    }
}

/// A map of one entry, whose key or value is looked at.
struct OneEntry<'a> {
    probes_key: bool,
    rest: Probe<'a>,
}

impl MapAccess<'static> for OneEntry<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        match self.probes_key {
            true => seed.deserialize(self.rest).map(Some),
            false => seed.deserialize(Dummy::new(0)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.rest)
    }
}

/// A struct of which one field is there.
struct OneField<'a> {
    field: Option<&'static str>,
    rest: Probe<'a>,
}

impl MapAccess<'static> for OneField<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.field.take().map(|field| seed.deserialize(field_name(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.rest)
    }
}

/// A struct with some of its fields.
struct Given<'a> {
    fields: std::slice::Iter<'a, (&'static str, usize)>,
    value: Option<usize>,
    read: &'a Cell<usize>,
}

impl MapAccess<'static> for Given<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((field, attempt)) = self.fields.next() else { return Ok(None) };
        self.value = Some(*attempt);
        seed.deserialize(field_name(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = seed.deserialize(Dummy::new(self.value.unwrap_or_default()))?;
        self.read.set(self.read.get() + 1);
        Ok(value)
    }
}

/// A variant of an enum, whose content is looked at.
struct OneVariant<'a> {
    variant: &'static str,
    rest: Probe<'a>,
}

impl<'a> EnumAccess<'static> for OneVariant<'a> {
    type Error = Fault;
    type Variant = Probe<'a>;

    fn variant_seed<V: DeserializeSeed<'static>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Probe<'a>), Fault> {
        seed.deserialize(field_name(self.variant)).map(|variant| (variant, self.rest))
    }
}

impl VariantAccess<'static> for Probe<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.end(Seen::Leaf("null"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'static>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'static>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'static>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_struct("", fields, visitor)
    }
}

fn field_name(name: &'static str) -> StrDeserializer<'static, Fault> {
    name.into_deserializer()
}
