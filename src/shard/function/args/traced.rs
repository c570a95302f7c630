//! A deserializer around that of serde_json, whose error says what is wrong and where as data.
//!
//! serde_json has an error of one sentence. Here a type and its visitors get [`Fault`] as their
//! error instead, which serde fills through the methods of its trait. On its way out through
//! serde_json, whose own error takes its place, the fault waits in [`Noted`].

use std::cell::{Cell, RefCell};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::fault::Fault;

/// A deserializer that fails with a [`Fault`].
pub(super) struct Traced<D>(pub(super) D);

/// What was learned of a failure below, until it has passed through serde_json.
#[derive(Default)]
struct Noted {
    fault: Cell<Option<Fault>>,
    expected: RefCell<Option<String>>,
}

impl Noted {
    /// Keeps a fault, and lets an error of the other type take its place.
    fn keep<T, E: Error>(&self, result: Result<T, Fault>) -> Result<T, E> {
        result.map_err(|fault| {
            self.fault.set(Some(fault));
            E::custom("")
        })
    }

    fn into_fault(self) -> Option<Fault> {
        self.fault.into_inner().or_else(|| self.expected.into_inner().map(Fault::unexpected))
    }
}

/// A visitor or a seed of a type, between it and serde_json.
struct Watched<'n, V> {
    inner: V,
    noted: &'n Noted,
}

/// Calls serde_json; the fault is absent if nothing but serde_json knows it.
fn watch<V, T, E>(
    inner: V,
    read: impl FnOnce(Watched<'_, V>) -> Result<T, E>,
) -> Result<T, Option<Fault>> {
    let noted = Noted::default();
    read(Watched { inner, noted: &noted }).map_err(|_| noted.into_fault())
}

macro_rules! deserialize {
    ($($method:ident($($argument:ident: $type:ty),*);)+) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $type,)*
            visitor: V,
        ) -> Result<V::Value, Fault> {
            watch(visitor, |visitor| self.0.$method($($argument,)* visitor))
                .map_err(Option::unwrap_or_default)
        }
    )+};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Traced<D> {
    type Error = Fault;

    deserialize! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}

macro_rules! visit {
    ($($method:ident($($value:ident: $type:ty)?);)+) => {$(
        fn $method<E: Error>(self, $($value: $type)?) -> Result<V::Value, E> {
            self.noted.keep(self.inner.$method($($value)?))
        }
    )+};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    /// Called only for the sentence of an error that serde_json makes itself.
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let expected = (&self.inner as &dyn Expected).to_string();
        f.write_str(&expected)?;
        self.noted.expected.replace(Some(expected));
        Ok(())
    }

    visit! {
        visit_bool(value: bool);
        visit_i64(value: i64);
        visit_i128(value: i128);
        visit_u64(value: u64);
        visit_u128(value: u128);
        visit_f64(value: f64);
        visit_str(value: &str);
        visit_borrowed_str(value: &'de str);
        visit_string(value: String);
        visit_bytes(value: &[u8]);
        visit_borrowed_bytes(value: &'de [u8]);
        visit_byte_buf(value: Vec<u8>);
        visit_none();
        visit_unit();
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.noted.keep(self.inner.visit_some(Traced(value)))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.noted.keep(self.inner.visit_newtype_struct(Traced(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.noted.keep(self.inner.visit_seq(Entries { access, index: 0 }))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.noted.keep(self.inner.visit_map(Entries { access, index: 0 }))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.noted.keep(self.inner.visit_enum(Traced(access)))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Watched<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.noted.keep(self.inner.deserialize(Traced(deserializer)))
    }
}

/// The entries of an object or a list, counted.
struct Entries<A> {
    access: A,
    index: usize,
}

impl<A> Entries<A> {
    fn next<T>(&mut self, result: Result<T, Option<Fault>>) -> Result<T, Fault> {
        let result = result.map_err(|fault| fault.unwrap_or_default().within(self.index));
        self.index += 1;
        result
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Entries<A> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let result = watch(seed, |seed| self.access.next_element_seed(seed));
        self.next(result)
    }

    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<A> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        watch(seed, |seed| self.access.next_key_seed(seed))
            .map_err(|fault| fault.unwrap_or_default().of_name(self.index))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let result = watch(seed, |seed| self.access.next_value_seed(seed));
        self.next(result)
    }

    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Traced<A> {
    type Error = Fault;
    type Variant = Traced<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Fault> {
        watch(seed, |seed| self.0.variant_seed(seed))
            .map(|(variant, access)| (variant, Traced(access)))
            .map_err(Option::unwrap_or_default)
    }
}

/// Returns the fault of a variant's value, the only one of its object; absent if the variant has no
/// value.
fn of_variant(fault: Option<Fault>) -> Fault {
    match fault {
        Some(fault) => fault.within(0),
        None => Fault::unexpected("an object with the value of the variant"),
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Traced<A> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.0.unit_variant().map_err(|_| Fault::unexpected("the name of the variant alone"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        watch(seed, |seed| self.0.newtype_variant_seed(seed)).map_err(of_variant)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        watch(visitor, |visitor| self.0.tuple_variant(length, visitor)).map_err(of_variant)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        watch(visitor, |visitor| self.0.struct_variant(fields, visitor)).map_err(of_variant)
    }
}
