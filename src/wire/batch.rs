//! Several calls in one request: `{calls: [{functionPath, args?, id?, …, shardKey?}]}`.

use serde::{Deserialize, Deserializer};
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
    let root: &RawValue = serde_json::from_slice(json)
        .map_err(|_| LunoraError::bad_request("RPC body must be valid JSON"))?;
    let calls = object::<Envelope<'_>>(root).map(|envelope| envelope.calls).ok_or_else(|| {
        LunoraError::bad_request("Request body must be an object with an array `calls`")
    })?;
    if calls.len() > MAX_CALLS {
        return Err(LunoraError::bad_request(format!("a batch has at most {MAX_CALLS} calls")));
    }
    calls.into_iter().enumerate().map(|(index, call)| read(index, call)).collect()
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    calls: Vec<&'a RawValue>,
}

/// The fields of an entry. `null` counts as present, and is invalid for each of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    function_path: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    args: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    mutation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    client_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    client_seq: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    baseline_seq: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    shard_key: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(raw: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(raw).map(Some)
}

fn read(index: usize, call: &RawValue) -> Result<BatchCall, LunoraError> {
    let refuse = |what: &str| LunoraError::bad_request(format!("calls[{index}]{what}"));
    let fields: Fields<'_> = object(call).ok_or_else(|| refuse(" must be an object"))?;
    let place = |name: &str| format!("calls[{index}].{name}");
    let function_path = string(fields.function_path, &place("functionPath"))?;
    if [paths::ADMIN_PREFIX, paths::RELATION_PREFIX]
        .iter()
        .any(|prefix| function_path.starts_with(prefix))
    {
        let message = format!("calls[{index}]: this function cannot be called in a batch");
        return Err(LunoraError::new(Code::Forbidden, message));
    }
    let args = fields.args.map_or("{}", RawValue::get);
    if !args.starts_with('{') {
        return Err(refuse(".args must be an object"));
    }
    let shard_key = match fields.shard_key {
        Some(key) => Some(shard_key(key, &place("shardKey"))?),
        None => None,
    };

    let id = match fields.id.map(RawValue::get) {
        None => index.to_string(),
        Some(id) if id.starts_with('"') || number::parse(id).is_some() => id.to_owned(),
        Some(_) => return Err(refuse(".id must be a string or a number")),
    };
    let path = fields.function_path.map_or("null", RawValue::get);
    let mut entry = [r#"{"id":"#, &id, r#","functionPath":"#, path, r#","args":"#, args].concat();
    for (name, value) in [("mutationId", fields.mutation_id), ("clientId", fields.client_id)] {
        let Some(value) = value else { continue };
        string(Some(value), &place(name))?;
        entry.extend([",\"", name, "\":", value.get()]);
    }
    for (name, value) in [("clientSeq", fields.client_seq), ("baselineSeq", fields.baseline_seq)] {
        let Some(seq) = value.map(RawValue::get) else { continue };
        number::parse(seq).ok_or_else(|| refuse(&format!(".{name} must be a number")))?;
        entry.extend([",\"", name, "\":", seq]);
    }
    entry.push('}');
    Ok(BatchCall { id, shard_key, entry })
}

/// Reads an object and nothing else: serde would accept a list for one, field by field.
fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok())?
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
            ("1", "BAD_REQUEST calls[1] must be an object"),
            ("[]", "BAD_REQUEST calls[1] must be an object"),
            (r#"["a:b",{},1,"m","c",1,"k"]"#, "BAD_REQUEST calls[1] must be an object"),
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
