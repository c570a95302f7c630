//! Rows of SQLite as types, by serde.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor,
        value::{Error, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::platform::{SqlCell, SqlRows};

/// The integers up to here are exact in JavaScript; at and beyond, one double is several of them.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// Returns every row as a `T`: a struct by the names of the columns, a tuple by their order, and
/// anything else from the only column.
pub(crate) fn read_rows<T: DeserializeOwned>(rows: SqlRows) -> Result<Vec<T>, Error> {
    let columns = rows.columns;
    rows.rows.into_iter().map(|cells| T::deserialize(Row { columns: &columns, cells })).collect()
}

struct Row<'a> {
    columns: &'a [String],
    cells: Vec<SqlCell>,
}

impl<'a> Row<'a> {
    fn only(self) -> Result<Cell<'a>, Error> {
        let columns = self.columns;
        match <[SqlCell; 1]>::try_from(self.cells) {
            Ok([cell]) => Ok(Cell { cell, column: columns.first().map_or("", String::as_str) }),
            Err(cells) => Err(Error::custom(format_args!(
                "the rows have {} columns: read them as a struct or a tuple",
                cells.len()
            ))),
        }
    }

    fn into_map(self) -> Fields<'a> {
        Fields {
            cells: self.columns.iter().zip(self.cells).collect::<Vec<_>>().into_iter(),
            next: None,
        }
    }

    fn into_cells(self) -> Vec<Cell<'a>> {
        let cells = self.columns.iter().zip(self.cells);
        cells.map(|(column, cell)| Cell { cell, column }).collect()
    }
}

macro_rules! by_the_only_column {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Row<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.into_map())
    }

    by_the_only_column! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.into_cells().into_iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! { unit_struct map struct identifier ignored_any }
}

struct Fields<'a> {
    cells: std::vec::IntoIter<(&'a String, SqlCell)>,
    next: Option<Cell<'a>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((column, cell)) = self.cells.next() else { return Ok(None) };
        self.next = Some(Cell { cell, column });
        let name: StrDeserializer<'_, Error> = column.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let cell = self.next.take().ok_or_else(|| Error::custom("a value without its name"))?;
        seed.deserialize(cell)
    }
}

/// One value.
struct Cell<'a> {
    cell: SqlCell,
    column: &'a str,
}

impl Cell<'_> {
    fn named(&self, error: &Error) -> Error {
        Error::custom(format_args!("column {:?}: {error}", self.column))
    }

    fn number<'de, V: Visitor<'de>>(number: f64, visitor: V) -> Result<V::Value, Error> {
        let whole = number.fract() == 0.0;
        if whole && number.abs() >= FIRST_INEXACT {
            return Err(Error::custom(
                "an integer beyond 2^53 arrives rounded: select `CAST(… AS TEXT)`, which reads as \
                 an integer all the same",
            ));
        }
        #[allow(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        if whole { visitor.visit_i64(number as i64) } else { visitor.visit_f64(number) }
    }

    /// Reads an integer that is written as a text, so that it is exact.
    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let SqlCell::Text(text) = &self.cell {
            if let Ok(integer) = text.parse::<i64>() {
                return visitor.visit_i64(integer).map_err(|error| self.named(&error));
            }
            if let Ok(integer) = text.parse::<u64>() {
                return visitor.visit_u64(integer).map_err(|error| self.named(&error));
            }
        }
        self.deserialize_any(visitor)
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.integer(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Cell<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let column = self.column;
        let read = match self.cell {
            SqlCell::Null => visitor.visit_unit(),
            SqlCell::Number(number) => Self::number(number, visitor),
            SqlCell::Text(text) => visitor.visit_string(text),
            SqlCell::Blob(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
        };
        read.map_err(|error| Error::custom(format_args!("column {column:?}: {error}")))
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.cell {
            SqlCell::Number(number) => visitor.visit_f64(number),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.cell {
            SqlCell::Number(number) if number == 0.0 || number == 1.0 => {
                visitor.visit_bool(number == 1.0)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.cell {
            SqlCell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.cell {
            SqlCell::Blob(bytes) => visitor.visit_byte_buf(bytes),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.cell {
            SqlCell::Text(text) => visitor.visit_enum(text.into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Cell<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn rows(columns: &[&str], cells: Vec<SqlCell>) -> SqlRows {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        SqlRows { columns, rows: vec![cells], rows_written: 0 }
    }

    fn read<T: DeserializeOwned>(columns: &[&str], cells: Vec<SqlCell>) -> Result<T, String> {
        read_rows(rows(columns, cells)).map(|mut rows| rows.remove(0)).map_err(|e| e.to_string())
    }

    fn text(text: &str) -> SqlCell {
        SqlCell::Text(text.to_owned())
    }

    #[test]
    fn a_row_is_a_struct_a_tuple_or_its_only_value() {
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Big,
        }
        #[derive(Debug, Deserialize, PartialEq)]
        struct Place {
            id: i64,
            share: f64,
            open: bool,
            note: Option<String>,
            kind: Kind,
        }

        let cells = || {
            vec![
                SqlCell::Number(7.0),
                SqlCell::Number(2.0),
                SqlCell::Number(1.0),
                SqlCell::Null,
                text("big"),
            ]
        };
        let columns = ["id", "share", "open", "note", "kind"];
        let place = Place { id: 7, share: 2.0, open: true, note: None, kind: Kind::Big };
        assert_eq!(read(&columns, cells()), Ok(place));
        let tuple: (u8, f32, bool, Option<String>, Kind) = read(&columns, cells()).unwrap();
        assert_eq!(tuple, (7, 2.0, true, None, Kind::Big));
        assert_eq!(read::<u32>(&["n"], vec![SqlCell::Number(7.0)]), Ok(7));
        assert_eq!(read::<(Vec<u8>,)>(&["b"], vec![SqlCell::Blob(vec![1, 2])]), Ok((vec![1, 2],)));
        assert!(
            read::<i64>(&["a", "b"], vec![SqlCell::Null, SqlCell::Null])
                .unwrap_err()
                .contains("2 columns")
        );
    }

    #[test]
    fn a_rounded_integer_is_refused() {
        let rounded = vec![SqlCell::Number(9_007_199_254_740_993.0)];
        assert!(read::<i64>(&["n"], rounded).unwrap_err().contains("CAST"));
        assert_eq!(
            read::<i64>(&["n"], vec![text("-9007199254740993")]),
            Ok(-9_007_199_254_740_993)
        );
        assert_eq!(read::<u64>(&["n"], vec![text("18446744073709551615")]), Ok(u64::MAX));
        assert_eq!(read::<f64>(&["n"], vec![SqlCell::Number(1e300)]), Ok(1e300));
    }

    #[test]
    fn a_value_of_another_type_names_its_column() {
        let error = read::<(i64,)>(&["n"], vec![text("x")]).unwrap_err();
        assert!(error.contains("column \"n\"") && error.contains("\"x\""), "{error}");
    }
}
