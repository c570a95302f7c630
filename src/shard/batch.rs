//! Several calls in one request, one after another (contract, section 3.2).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    call::{Envelope, WriteIds, check_args, sequence},
    rpc::Reply,
    run::SharedCaller,
    shard::Shard,
};
use crate::{
    errors::{Code, LunoraError},
    platform::log,
    wire::{batch::MAX_CALLS, paths},
};

/// An entry; `null` counts as not there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    function_path: String,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    mutation_id: Option<String>,
    client_id: Option<String>,
    #[serde(borrow)]
    client_seq: Option<&'a RawValue>,
}

impl Shard {
    /// Serves every entry; one that fails fails alone.
    pub(crate) async fn batch(
        &self,
        json: &[u8],
        caller: &SharedCaller,
    ) -> Result<String, LunoraError> {
        let calls = read(json)?;
        let mut results = String::from("{\"results\":[");
        for (index, call) in calls.into_iter().enumerate() {
            let id = entry_id(call).unwrap_or_else(|| index.to_string());
            let reply = match entry(call) {
                Ok(entry) => self.entry(&entry, caller).await,
                Err(error) => Err(error),
            };
            let Reply { status, body } = reply.unwrap_or_else(|error| {
                if error.status().is_server_error() {
                    log::error(&error.to_log_line());
                }
                Reply { status: error.status().as_u16(), body: error.to_body().to_json() }
            });
            if index > 0 {
                results.push(',');
            }
            let status = status.to_string();
            results.extend(["{\"id\":", &id, ",\"status\":", &status, ",\"body\":", &body, "}"]);
        }
        results.push_str("]}");
        Ok(results)
    }

    async fn entry(&self, entry: &Entry<'_>, caller: &SharedCaller) -> Result<Reply, LunoraError> {
        let path = &entry.function_path;
        if [paths::ADMIN_PREFIX, paths::RELATION_PREFIX]
            .iter()
            .any(|prefix| path.starts_with(prefix))
        {
            let message = "this function cannot be called in a batch";
            return Err(LunoraError::new(Code::Forbidden, message));
        }
        let ids = WriteIds {
            mutation_id: entry.mutation_id.clone(),
            client_id: entry.client_id.clone(),
            client_seq: entry.client_seq.and_then(|seq| sequence(seq.get())),
        };
        let envelope = Envelope { function_path: path.clone(), args: check_args(entry.args)? };
        self.call(&envelope, caller, &ids, None).await
    }
}

fn read(json: &[u8]) -> Result<Vec<&RawValue>, LunoraError> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        calls: &'a RawValue,
    }

    let root: &RawValue =
        serde_json::from_slice(json).map_err(|_| LunoraError::bad_request("invalid JSON body"))?;
    let calls: Option<Vec<&RawValue>> = Some(root.get())
        .filter(|root| root.starts_with('{'))
        .and_then(|root| serde_json::from_str::<Body<'_>>(root).ok())
        .and_then(|body| serde_json::from_str(body.calls.get()).ok());
    let calls = calls.ok_or_else(|| LunoraError::bad_request("calls must be an array"))?;
    if calls.len() > MAX_CALLS {
        return Err(LunoraError::bad_request(format!("a batch has at most {MAX_CALLS} calls")));
    }
    Ok(calls)
}

/// The entry, if it is one.
fn entry(call: &RawValue) -> Result<Entry<'_>, LunoraError> {
    let entry = call.get().starts_with('{').then(|| serde_json::from_str(call.get()).ok());
    entry.flatten().ok_or_else(|| {
        LunoraError::new(
            Code::BatchEntryFailed,
            "the entry is not a call: {id, functionPath, args}",
        )
    })
}

/// What the caller calls the entry by, as JSON.
fn entry_id(call: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }

    let id: Id<'_> = serde_json::from_str(call.get()).ok()?;
    Some(id.id?.get().to_owned()).filter(|id| !id.starts_with(['{', '[']))
}
