//! A call as it reaches a shard: its body and its caller.

use std::rc::Rc;

use headers::HeaderMapExt;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    caller::{Caller, SharedCaller},
    function::Function,
};
use crate::{
    errors::LunoraError,
    wire::{
        Identity,
        headers::{ClientId, ClientIp, ClientSeq, MutationId, System},
    },
};

/// The body of `POST /rpc`.
pub(crate) struct Envelope<'a> {
    pub(crate) function_path: String,
    pub(crate) args: &'a str,
}

/// A call of a function that was found.
pub(crate) struct Call<'a> {
    pub(crate) function: &'a Function,
    pub(crate) args: &'a str,
    pub(crate) ids: &'a WriteIds,
}

/// The ids by which a repeated write is recognised.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteIds {
    pub(crate) mutation_id: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_seq: Option<u64>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, LunoraError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            function_path: Option<String>,
            #[serde(borrow)]
            args: Option<&'a RawValue>,
        }

        let fields: Option<Fields<'a>> = json
            .trim_ascii_start()
            .first()
            .filter(|byte| **byte == b'{')
            .and_then(|_| serde_json::from_slice(json).ok());
        let Some(fields) = fields else {
            return Err(LunoraError::bad_request("invalid JSON body"));
        };
        let function_path = fields
            .function_path
            .ok_or_else(|| LunoraError::bad_request("functionPath must be a string"))?;
        Ok(Self { function_path, args: check_args(fields.args)? })
    }
}

/// Returns the path and the arguments of a call's body.
#[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
pub(crate) fn parse_call(json: &[u8]) -> Result<(String, String), LunoraError> {
    let envelope = Envelope::parse(json)?;
    Ok((envelope.function_path, envelope.args.to_owned()))
}

/// Checks that arguments are an object; absent arguments are an empty one.
pub(crate) fn check_args(args: Option<&RawValue>) -> Result<&str, LunoraError> {
    match args.map(RawValue::get) {
        None => Ok("{}"),
        Some(args) if args.starts_with('{') => Ok(args),
        Some(_) => Err(LunoraError::bad_request("args must be an object")),
    }
}

/// Reads the caller from the headers that only a Worker writes.
pub(crate) fn caller(headers: &HeaderMap) -> SharedCaller {
    Rc::new(Caller {
        identity: Identity::from_headers(headers),
        ip: client_ip(headers),
        system: headers.typed_get::<System>().is_some(),
    })
}

/// Reads the address of the caller.
pub(crate) fn client_ip(headers: &HeaderMap) -> Option<String> {
    headers.typed_get::<ClientIp>()?.as_str().map(str::to_owned)
}

/// Reads the ids of a call outside of a batch.
pub(crate) fn write_ids(headers: &HeaderMap) -> WriteIds {
    WriteIds {
        mutation_id: headers.typed_get().map(MutationId::into_string),
        client_id: headers.typed_get().map(ClientId::into_string),
        client_seq: headers.typed_get().map(|ClientSeq(seq)| seq),
    }
}

/// Parses a positive integer; anything else is not the number of a write.
pub(crate) fn sequence(text: &str) -> Option<u64> {
    ClientSeq::parse(text).map(|ClientSeq(seq)| seq)
}
