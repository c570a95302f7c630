//! [`TypedBytes`]: binary data and the JavaScript type that holds it.

use thiserror::Error;

/// Binary data, and the JavaScript type it becomes.
///
/// ```
/// use lunora::wire::value::{BytesKind, TypedBytes};
///
/// let plain = TypedBytes::from(vec![1, 2, 3]);
/// assert_eq!(plain.kind(), BytesKind::Uint8Array);
/// assert!(TypedBytes::new(BytesKind::Float32Array, vec![0; 6]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedBytes {
    data: Vec<u8>,
    kind: BytesKind,
}

impl TypedBytes {
    /// Bytes of the given kind. Elements wider than a byte are in the machine order of JavaScript hosts, little-endian.
    ///
    /// # Errors
    ///
    /// The length is not a whole number of elements.
    pub fn new(kind: BytesKind, data: Vec<u8>) -> Result<Self, BytesLengthError> {
        if data.len().is_multiple_of(kind.element_size()) {
            Ok(Self { data, kind })
        } else {
            Err(BytesLengthError { kind, length: data.len() })
        }
    }

    /// Returns the JavaScript type.
    #[must_use]
    pub fn kind(&self) -> BytesKind {
        self.kind
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.data
    }

    /// Returns the bytes, without their kind.
    ///
    /// ```
    /// use lunora::wire::value::TypedBytes;
    ///
    /// assert_eq!(TypedBytes::from(vec![1, 2]).into_vec(), [1, 2]);
    /// ```
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.data
    }
}

impl From<Vec<u8>> for TypedBytes {
    /// Returns a `Uint8Array`.
    fn from(data: Vec<u8>) -> Self {
        Self { data, kind: BytesKind::Uint8Array }
    }
}

macro_rules! kinds {
    ($($kind:ident $size:literal,)*) => {
        /// The JavaScript type of some [`TypedBytes`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum BytesKind {
            /// A `Uint8Array`, which the wire does not name. The default.
            #[default]
            Uint8Array,
            $(
                #[doc = concat!("`", stringify!($kind), "`.")]
                $kind,
            )*
        }

        impl BytesKind {
            /// Returns the name of the JavaScript constructor.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    Self::Uint8Array => "Uint8Array",
                    $(Self::$kind => stringify!($kind),)*
                }
            }

            /// Returns the number of bytes per element.
            #[must_use]
            pub fn element_size(self) -> usize {
                match self {
                    Self::Uint8Array => 1,
                    $(Self::$kind => $size,)*
                }
            }

            /// Returns the kind with this constructor name. A name unknown to this version becomes
            /// plain bytes.
            pub(super) fn named(name: &str) -> Self {
                match name {
                    $(stringify!($kind) => Self::$kind,)*
                    _ => Self::Uint8Array,
                }
            }
        }
    };
}

kinds! {
    ArrayBuffer 1,
    Int8Array 1,
    Uint8ClampedArray 1,
    Int16Array 2,
    Uint16Array 2,
    Int32Array 4,
    Uint32Array 4,
    Float32Array 4,
    Float64Array 8,
    BigInt64Array 8,
    BigUint64Array 8,
}

/// The bytes are not a whole number of the elements their kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{length} bytes are not a whole number of {} elements of {} bytes", kind.name(), kind.element_size())]
pub struct BytesLengthError {
    kind: BytesKind,
    length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_bytes_that_do_not_fill_their_elements() {
        for (kind, size) in [
            ("ArrayBuffer", 1),
            ("Int8Array", 1),
            ("Uint8ClampedArray", 1),
            ("Int16Array", 2),
            ("Uint16Array", 2),
            ("Int32Array", 4),
            ("Uint32Array", 4),
            ("Float32Array", 4),
            ("Float64Array", 8),
            ("BigInt64Array", 8),
            ("BigUint64Array", 8),
        ] {
            let kind = BytesKind::named(kind);
            for length in 0..=16 {
                assert_eq!(
                    TypedBytes::new(kind, vec![0; length]).is_ok(),
                    length % size == 0,
                    "{kind:?} of {length}"
                );
            }
        }
    }
}
