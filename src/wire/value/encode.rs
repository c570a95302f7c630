//! From values to text.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{BytesKind, MAX_DEPTH, TAG, Value, leaf::number_text};

/// Writes a value as JSON, just as JavaScript would.
///
/// # Errors
/// When the value nests deeper than [`MAX_DEPTH`].
pub fn encode(value: &Value) -> Result<String, EncodeError> {
    let mut writer = Writer { text: String::new(), canonical: false };
    writer.value(value, 0)?;
    Ok(writer.text)
}

/// The value nests deeper than [`MAX_DEPTH`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a value nests at most {MAX_DEPTH} deep")]
pub struct EncodeError;

pub(super) struct Writer {
    pub(super) text: String,
    /// Sorts keys, and tells `-0` from `0`.
    pub(super) canonical: bool,
}

impl Writer {
    pub(super) fn value(&mut self, value: &Value, depth: usize) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError);
        }
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.number(*number),
            Value::String(text) => self.string(text),
            Value::BigInt(integer) => self.tagged("bigint", |writer| {
                writer.string(integer.as_str());
                Ok(())
            })?,
            Value::Undefined => self.bare("undefined"),
            Value::Date(date) => self.tagged("date", |writer| {
                writer.number(date.ms().unwrap_or(f64::NAN));
                Ok(())
            })?,
            Value::Url(url) => self.tagged("url", |writer| {
                writer.string(url.as_str());
                Ok(())
            })?,
            Value::Map(entries) => self.tagged("map", |writer| {
                writer.list('[', ']', entries, |writer, (key, value)| {
                    writer.text.push('[');
                    writer.value(key, depth + 1)?;
                    writer.text.push(',');
                    writer.value(value, depth + 1)?;
                    writer.text.push(']');
                    Ok(())
                })
            })?,
            Value::Set(members) => self.tagged("set", |writer| writer.elements(members, depth))?,
            Value::Bytes(bytes) => self.tagged("bytes", |writer| {
                writer.string(&STANDARD.encode(bytes.as_slice()));
                if bytes.kind() != BytesKind::Uint8Array {
                    writer.text.push(',');
                    writer.string(bytes.kind().as_str());
                }
                Ok(())
            })?,
            Value::Error(error) => self.tagged("error", |writer| {
                writer.string(&error.name);
                writer.text.push(',');
                writer.string(&error.message);
                writer.text.push(',');
                writer.fields(&error.properties, depth)?;
                if let Some(cause) = &error.cause {
                    writer.text.push(',');
                    writer.value(cause, depth + 1)?;
                }
                Ok(())
            })?,
            // A list that begins like a tag must not be taken for one.
            Value::Array(elements) if elements.first().and_then(Value::as_str) == Some(TAG) => {
                self.tagged("arr", |writer| writer.elements(elements, depth))?;
            }
            Value::Array(elements) => self.elements(elements, depth)?,
            Value::Object(fields) => self.fields(fields, depth)?,
        }
        Ok(())
    }

    fn number(&mut self, number: f64) {
        if number.is_nan() {
            self.bare("nan");
        } else if number.is_infinite() {
            self.bare(if number > 0.0 { "inf" } else { "-inf" });
        } else if self.canonical && number == 0.0 && number.is_sign_negative() {
            self.text.push_str("-0");
        } else {
            self.text.push_str(&number_text(number));
        }
    }

    fn string(&mut self, text: &str) {
        // A string can always be written; serde_json's escapes are those of JavaScript.
        self.text.push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    fn elements(&mut self, elements: &[Value], depth: usize) -> Result<(), EncodeError> {
        self.list('[', ']', elements, |writer, element| writer.value(element, depth + 1))
    }

    fn fields(&mut self, fields: &[(String, Value)], depth: usize) -> Result<(), EncodeError> {
        let mut defined: Cow<'_, [(String, Value)]> = fields.into();
        if fields.iter().any(|(_, value)| *value == Value::Undefined) {
            defined.to_mut().retain(|(_, value)| *value != Value::Undefined);
        }
        if self.canonical {
            // By UTF-16 code units, which is how JavaScript compares.
            defined.to_mut().sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        }
        self.list('{', '}', &defined, |writer, (name, value)| {
            writer.string(name);
            writer.text.push(':');
            writer.value(value, depth + 1)
        })
    }

    fn list<T>(
        &mut self,
        open: char,
        close: char,
        items: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.text.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            write(self, item)?;
        }
        self.text.push(close);
        Ok(())
    }

    fn bare(&mut self, tag: &str) {
        self.text.push_str(&format!(r#"["{TAG}","{tag}"]"#));
    }

    fn tagged(
        &mut self,
        tag: &str,
        payload: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.text.push_str(&format!(r#"["{TAG}","{tag}","#));
        payload(self)?;
        self.text.push(']');
        Ok(())
    }
}
