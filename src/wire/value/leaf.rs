//! The types of tagged values in wire form, for the fields of an application's own types.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{BigInt, Date, Map, Set, TypedBytes, Url, Value};

macro_rules! in_wire_form {
    ($($type:ident is $variant:ident, $expected:literal;)+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Value::$variant(self.clone()).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    Value::$variant(value) => Ok(value),
                    _ => Err(D::Error::custom(concat!("expected ", $expected))),
                }
            }
        }
    )+};
}

in_wire_form! {
    BigInt is BigInt, "a bigint";
    Date is Date, "a date";
    Map is Map, "a map";
    Set is Set, "a set";
    TypedBytes is Bytes, "bytes";
    Url is Url, "a url";
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Args {
        at: Date,
        big: BigInt,
        data: TypedBytes,
        link: Url,
        tags: Set,
        map: Map,
        until: Option<Date>,
    }

    const WIRE: &str = concat!(
        r#"{"at":["$lunora.wire$","date",5],"big":["$lunora.wire$","bigint","-7"],"#,
        r#""data":["$lunora.wire$","bytes","AQI="],"link":["$lunora.wire$","url","https://x.test/"],"#,
        r#""tags":["$lunora.wire$","set",[1]],"map":["$lunora.wire$","map",[["a",1]]],"until":null}"#
    );

    #[test]
    fn fields_of_tagged_types_keep_their_wire_form() {
        let args: Args = serde_json::from_str(WIRE).unwrap();
        assert_eq!(args.at.millis(), Some(5));
        assert_eq!(args.big.as_str(), "-7");
        assert_eq!(args.data.as_slice(), [1, 2]);
        let written = serde_json::to_string(&args).unwrap();
        assert_eq!(Value::from_wire(&written).unwrap(), Value::from_wire(WIRE).unwrap());
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for json in ["5", r#""1970-01-01""#, "null", "[]", r#"["$lunora.wire$","bigint","5"]"#] {
            let error = serde_json::from_str::<Date>(json).unwrap_err().to_string();
            assert!(error.starts_with("expected a date"), "{error}");
        }
        assert!(serde_json::from_str::<BigInt>("5").is_err());
        assert!(serde_json::from_str::<TypedBytes>(r#""AQI=""#).is_err());
    }
}
