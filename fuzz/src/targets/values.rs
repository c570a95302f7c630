//! The codec of the wire's values.

use lunora::wire::value::Value;

pub(super) const TOKENS: &[&str] = &[
    "[\"$lunora.wire$\",",
    "\"arr\"",
    "\"bigint\"",
    "\"bytes\"",
    "\"date\"",
    "\"error\"",
    "\"inf\"",
    "\"-inf\"",
    "\"map\"",
    "\"nan\"",
    "\"set\"",
    "\"undefined\"",
    "\"url\"",
    "\"Uint8Array\"",
    "\"ArrayBuffer\"",
    "\"BigInt64Array\"",
    "\"AAAAAAAAAAA=\"",
    "\"https://x.test/\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"a\"",
    "\"__proto__\"",
    "null",
    "true",
    "-0",
    "1e400",
    "\\u0000",
    "\\ud83d\\ude00",
    "\"12\"",
    "\"-7\"",
    "\"name\"",
    "\"message\"",
    "\"cause\"",
];

/// Decode, encode, decode gives the same value, text and key.
pub(super) fn value(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let decoded = Value::from_wire(text);
    if let Ok(by_serde) = serde_json::from_str::<Value>(text) {
        let ours = decoded.as_ref().map(show);
        assert_eq!(ours.ok(), Some(show(&by_serde)), "serde reads another value");
    }
    let Ok(value) = decoded else { return false };
    let wire = value.to_wire();
    let Ok(wire) = wire else { unreachable!("decoded and not encodable: {wire:?}") };
    let again = Value::from_wire(&wire);
    let Ok(again) = again else { unreachable!("encoded and not decodable: {again:?} of {wire}") };
    assert_eq!(again.to_wire().ok(), Some(wire), "encoded twice, two texts");
    // An undefined field is not written.
    if !text.contains("undefined") {
        assert_eq!(show(&again), show(&value));
    }
    assert!(value.stable_wire_key().is_ok() && again.stable_wire_key().is_ok());
    true
}

/// NaN equals itself here, and the wire drops the sign of a zero.
fn show(value: &Value) -> String {
    format!("{value:?}").replace("-0.0", "0.0")
}
