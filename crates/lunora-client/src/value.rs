//! The values of the wire: JSON, and what JSON cannot hold.
//!
//! Arguments and results are any types of serde. Their integers beyond ±(2^53 − 1), NaN and the infinities cross as
//! tagged values by themselves. Dates, bytes and the other tagged values have a type here.

mod any;
mod leaf;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use self::{
    any::{ErrorValue, Map, Set, Value},
    leaf::{BigInt, Date, TypedBytes, Url},
};
pub(crate) use self::{read::from_wire, write::to_wire};

/// The first element of a tagged value.
const TAG: &str = "$lunora.wire$";

/// The largest integer that a number of JavaScript holds exactly, 2^53 − 1.
const MAX_SAFE: u128 = 9_007_199_254_740_991;

/// Returns the tag and the payload of a tagged value.
fn tagged(items: &[serde_json::Value]) -> Option<(&str, &[serde_json::Value])> {
    match items {
        [serde_json::Value::String(mark), serde_json::Value::String(tag), payload @ ..]
            if mark == TAG =>
        {
            Some((tag, payload))
        }
        _ => None,
    }
}
