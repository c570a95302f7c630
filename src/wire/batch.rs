//! Several calls in one request: `{calls: [{functionPath, args?, id?, …, shardKey?}]}`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    ShardKey,
    envelope::{shard_key, string},
    number, paths,
};
use crate::errors::{Code, LunoraError};

/// The maximum number of calls per batch.
pub(crate) const MAX_CALLS: usize = 500;

/// One call of a batch.
#[derive(Debug)]
pub(crate) struct BatchCall {
    /// The client's id of this entry, as JSON; its position if the client sends no id.
    pub(crate) id: String,
    /// The shard; `None` for the default one.
    pub(crate) shard_key: Option<ShardKey>,
    /// The entry as its shard takes it.
    pub(crate) entry: String,
}

/// Reads a batch as a client sends it (docs/wire.md, "Batches").
///
/// # Errors
/// 400 `BAD_REQUEST` that names the entry and the field; 403 for functions and keys that no client
/// may call.
pub(crate) fn from_slice(json: &[u8]) -> Result<Vec<BatchCall>, LunoraError> {
    let calls = read_object::<Envelope<Entry<'_>>>(json).ok_or_else(|| malformed(json))?.calls;
    if calls.len() > MAX_CALLS {
        return Err(LunoraError::bad_request(format!("a batch has at most {MAX_CALLS} calls")));
    }
    calls.into_iter().enumerate().map(|(index, Entry(fields))| read(index, fields)).collect()
}

/// Says what is malformed in a batch that is not an object with a list of objects.
fn malformed(json: &[u8]) -> LunoraError {
    if serde_json::from_slice::<IgnoredAny>(json).is_err() {
        return LunoraError::bad_request("RPC body must be valid JSON");
    }
    let Some(Envelope { calls }) = read_object::<Envelope<&RawValue>>(json) else {
        return LunoraError::bad_request("Request body must be an object with an array `calls`");
    };
    let is_malformed = |call: &&RawValue| serde_json::from_str::<Entry<'_>>(call.get()).is_err();
    let index = calls.iter().position(is_malformed).unwrap_or_default();
    LunoraError::bad_request(format!("calls[{index}] must be an object, with each field once"))
}

/// Reads an object and nothing else: serde would accept a list for one, field by field.
fn read_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

#[derive(Deserialize)]
struct Envelope<C> {
    calls: Vec<C>,
}

/// The fields of an entry, by [`Field`]. `null` counts as sent, and is invalid for each of them.
struct Entry<'a>(Fields<'a>);

type Fields<'a> = [Option<&'a RawValue>; 8];

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    FunctionPath,
    Args,
    Id,
    MutationId,
    ClientId,
    ClientSeq,
    BaselineSeq,
    ShardKey,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entry<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields: Fields<'de> = [None; 8];
                while let Some(field) = map.next_key::<Field>()? {
                    let value: &RawValue = map.next_value()?;
                    let place = fields.get_mut(field as usize);
                    if place.and_then(|place| place.replace(value)).is_some() {
                        return Err(M::Error::custom("a field occurs twice"));
                    }
                }
                Ok(Entry(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn read(index: usize, fields: Fields<'_>) -> Result<BatchCall, LunoraError> {
    let refuse = |what: &str| LunoraError::bad_request(format!("calls[{index}]{what}"));
    let [path, args, id, mutation_id, client_id, client_seq, baseline_seq, key] = fields;
    let function_path = string(path, format_args!("calls[{index}].functionPath"))?;
    if [paths::ADMIN_PREFIX, paths::RELATION_PREFIX]
        .iter()
        .any(|prefix| function_path.starts_with(prefix))
    {
        let message = format!("calls[{index}]: this function cannot be called in a batch");
        return Err(LunoraError::new(Code::Forbidden, message));
    }
    let args = args.map_or("{}", RawValue::get);
    if !args.starts_with('{') {
        return Err(refuse(".args must be an object"));
    }
    let shard_key =
        key.map(|key| shard_key(key, format_args!("calls[{index}].shardKey"))).transpose()?;

    let id = match id.map(RawValue::get) {
        None => index.to_string(),
        Some(id) if id.starts_with('"') || number::parse(id).is_some() => id.to_owned(),
        Some(_) => return Err(refuse(".id must be a string or a number")),
    };
    let path = path.map_or("null", RawValue::get);
    let mut entry = [r#"{"id":"#, &id, r#","functionPath":"#, path, r#","args":"#, args].concat();
    for (name, value) in [("mutationId", mutation_id), ("clientId", client_id)] {
        let Some(value) = value else { continue };
        string(Some(value), format_args!("calls[{index}].{name}"))?;
        entry.extend([",\"", name, "\":", value.get()]);
    }
    for (name, value) in [("clientSeq", client_seq), ("baselineSeq", baseline_seq)] {
        let Some(seq) = value.map(RawValue::get) else { continue };
        number::parse(seq).ok_or_else(|| refuse(&format!(".{name} must be a number")))?;
        entry.extend([",\"", name, "\":", seq]);
    }
    entry.push('}');
    Ok(BatchCall { id, shard_key, entry })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(call: &str) -> Result<BatchCall, String> {
        from_slice(format!(r#"{{"calls":[{{"functionPath":"x:y"}},{call}]}}"#).as_bytes())
            .map(|mut calls| calls.remove(1))
            .map_err(|error| format!("{} {}", error.code(), error.message()))
    }

    #[test]
    fn an_entry_reaches_its_shard_byte_for_byte() {
        let call = read(
            r#"{"functionPath":"a:b","args":{ "n":9007199254740993},"id":"x","mutationId":"m","clientId":"c","baselineSeq":6,"clientSeq":7,"shardKey":"k","other":1}"#,
        )
        .unwrap();
        assert_eq!(
            call.entry,
            r#"{"id":"x","functionPath":"a:b","args":{ "n":9007199254740993},"mutationId":"m","clientId":"c","clientSeq":7,"baselineSeq":6}"#
        );
        assert_eq!(call.shard_key.unwrap().as_str(), "k");
    }

    #[test]
    fn absent_fields_have_their_defaults() {
        let call = read(r#"{"functionPath":"a:b"}"#).unwrap();
        assert_eq!(call.entry, r#"{"id":1,"functionPath":"a:b","args":{}}"#);
        assert_eq!((&*call.id, call.shard_key), ("1", None));
    }

    #[test]
    fn refuses_each_malformed_field_by_entry_and_name() {
        for (call, expected) in [
            ("1", "BAD_REQUEST calls[1] must be an object, with each field once"),
            ("[]", "BAD_REQUEST calls[1] must be an object, with each field once"),
            (
                r#"["a:b",{},1,"m","c",1,"k"]"#,
                "BAD_REQUEST calls[1] must be an object, with each field once",
            ),
            (r#""a:b""#, "BAD_REQUEST calls[1] must be an object, with each field once"),
            ("null", "BAD_REQUEST calls[1] must be an object, with each field once"),
            ("-1.5e3", "BAD_REQUEST calls[1] must be an object, with each field once"),
            (
                r#"{"functionPath":"a:b","functionPath":"a:c"}"#,
                "BAD_REQUEST calls[1] must be an object, with each field once",
            ),
            ("{}", "BAD_REQUEST calls[1].functionPath must be a string"),
            (r#"{"functionPath":"a:b","args":[]}"#, "BAD_REQUEST calls[1].args must be an object"),
            (
                r#"{"functionPath":"a:b","args":null}"#,
                "BAD_REQUEST calls[1].args must be an object",
            ),
            (
                r#"{"functionPath":"a:b","id":{}}"#,
                "BAD_REQUEST calls[1].id must be a string or a number",
            ),
            (
                r#"{"functionPath":"a:b","shardKey":1}"#,
                "BAD_REQUEST calls[1].shardKey must be a string",
            ),
            (
                r#"{"functionPath":"a:b","shardKey":""}"#,
                "BAD_REQUEST calls[1].shardKey must not be empty; leave it out for the default shard",
            ),
            (
                r#"{"functionPath":"a:b","clientId":"\ud800"}"#,
                "BAD_REQUEST calls[1].clientId: expected Unicode text, received half of a surrogate pair",
            ),
            (
                r#"{"functionPath":"a:b","mutationId":1}"#,
                "BAD_REQUEST calls[1].mutationId must be a string",
            ),
            (
                r#"{"functionPath":"a:b","clientSeq":"1"}"#,
                "BAD_REQUEST calls[1].clientSeq must be a number",
            ),
            (
                r#"{"functionPath":"a:b","baselineSeq":null}"#,
                "BAD_REQUEST calls[1].baselineSeq must be a number",
            ),
            (
                r#"{"functionPath":"__lunora_admin__:runSql"}"#,
                "FORBIDDEN calls[1]: this function cannot be called in a batch",
            ),
            (
                r#"{"functionPath":"__lunora_relation__:t"}"#,
                "FORBIDDEN calls[1]: this function cannot be called in a batch",
            ),
            (
                r#"{"functionPath":"a:b","shardKey":"k::replica::x"}"#,
                "FORBIDDEN_SHARD a shard key may not contain `::replica::`",
            ),
        ] {
            assert_eq!(read(call).unwrap_err(), expected, "{call}");
        }
        for json in ["", "[]", "[[]]", "{}", r#"{"calls":{}}"#, r#"{"calls":null}"#] {
            assert_eq!(from_slice(json.as_bytes()).unwrap_err().status(), 400, "{json}");
        }
    }

    #[test]
    fn a_batch_has_500_calls_and_not_one_more() {
        let batch = |calls: usize| {
            let calls = vec![r#"{"functionPath":"a:b"}"#; calls].join(",");
            from_slice(format!(r#"{{"calls":[{calls}]}}"#).as_bytes())
        };
        assert_eq!(batch(0).unwrap().len(), 0);
        assert_eq!(batch(500).unwrap().len(), 500);
        assert_eq!(batch(501).unwrap_err().status(), 400);
    }

    proptest! {
        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = from_slice(&bytes);
        }
    }
}
