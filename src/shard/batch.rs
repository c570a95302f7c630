//! Several calls in one request, one after another.
//!
//! The answers of a batch are bounded by [`MAX_ANSWERS`]: once the finished ones exceed it, the
//! later calls are not run, and their slots are 429 `TOO_MANY_REQUESTS`, on which clients repeat a
//! queued write. A query whose own answer is larger is 413 `PAYLOAD_TOO_LARGE`; a mutation or an
//! action has taken effect by then and keeps its answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    call::{Envelope, WriteIds, check_args, sequence},
    caller::SharedCaller,
    function::Kind,
    instance::Shard,
    rpc::Reply,
};
use crate::{
    errors::{Code, LunoraError},
    log,
    wire::{batch::MAX_CALLS, paths},
};

/// The size of a batch's finished answers, in bytes, over which its later calls are not run.
pub(super) const MAX_ANSWERS: usize = 4 * 1024 * 1024;

/// An entry; `null` counts as absent.
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
    /// Serves every entry in order; one that fails does not affect the others. Only a `detailed`
    /// answer has the unredacted errors.
    pub(crate) async fn batch(
        &self,
        json: &[u8],
        caller: &SharedCaller,
        detailed: bool,
    ) -> Result<String, LunoraError> {
        let calls = read(json)?;
        let mut results = String::from("{\"results\":[");
        for (index, call) in calls.into_iter().enumerate() {
            let reply = if results.len() > MAX_ANSWERS {
                Err(not_run())
            } else {
                match entry(call) {
                    Ok(entry) => self.entry(&entry, caller).await,
                    Err(error) => Err(error),
                }
            };
            let mut detail = None;
            let Reply { status, body } = reply.unwrap_or_else(|error| {
                if error.status().is_server_error() {
                    log::error(&error.to_log_line());
                }
                detail = detailed.then(|| error.to_detail_json());
                Reply { status: error.status().as_u16(), body: error.to_body().to_json() }
            });
            results.push_str(if index > 0 { ",{\"id\":" } else { "{\"id\":" });
            match entry_id(call) {
                Some(id) => results.push_str(id),
                None => results.push_str(&index.to_string()),
            }
            results.extend([",\"status\":", &status.to_string(), ",\"body\":", &body]);
            if let Some(detail) = detail {
                results.extend([",\"errorDetail\":", &detail]);
            }
            results.push('}');
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
        let reply = self.call(&envelope, caller, &ids, None).await?;
        if reply.body.len() > MAX_ANSWERS && self.is_query(path, caller.system) {
            let message = format!(
                "the answer has {} bytes, and a query in a batch may answer {MAX_ANSWERS}: call it alone, or read less",
                reply.body.len()
            );
            return Err(LunoraError::new(Code::PayloadTooLarge, message));
        }
        Ok(reply)
    }

    fn is_query(&self, path: &str, system: bool) -> bool {
        let function = self.inner.definition.functions.find(path, system);
        function.is_ok_and(|function| function.kind() == Kind::Query)
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

/// Parses the entry, if it is valid.
fn entry(call: &RawValue) -> Result<Entry<'_>, LunoraError> {
    let entry = call.get().starts_with('{').then(|| serde_json::from_str(call.get()).ok());
    entry.flatten().ok_or_else(|| {
        LunoraError::new(
            Code::BatchEntryFailed,
            "the entry is not a call: {id, functionPath, args}",
        )
    })
}

/// Returns the error of a call that was not run, because the answers before it are already too
/// large.
fn not_run() -> LunoraError {
    let message = format!(
        "the call was not run: the answers of the batch before it exceed {MAX_ANSWERS} bytes; send it again in a smaller batch"
    );
    LunoraError::new(Code::TooManyRequests, message)
}

/// Returns the caller's id of the entry, as JSON.
fn entry_id(call: &RawValue) -> Option<&str> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }

    let id: Id<'_> = serde_json::from_str(call.get()).ok()?;
    Some(id.id?.get()).filter(|id| !id.starts_with(['{', '[']))
}
