//! A call to a function of a shard as the server (docs/wire.md, "Headers to a shard").

use headers::HeaderMapExt;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    errors::{Code, Hint, LunoraError},
    message::{Request, Response},
    wire::{
        envelope::shard_body,
        headers::{MutationId, System},
        paths,
        value::integers::from_json,
    },
};

/// A call to a function of a shard as the server: it may call internal functions, and passes no
/// gate.
pub(crate) struct SystemCall<'a> {
    /// The path of the function.
    pub(crate) function_path: &'a str,
    /// The arguments, as the JSON text of an object.
    pub(crate) args: &'a str,
    /// The id by which a shard recognizes a repeated call.
    pub(crate) mutation_id: Option<&'a str>,
}

impl SystemCall<'_> {
    /// Builds the request to the shard.
    ///
    /// # Errors
    /// 400 if the id is not a valid header value.
    pub(crate) fn to_request(&self) -> Result<Request, LunoraError> {
        let body = shard_body(self.function_path, self.args);
        let mut request = Request::post(paths::SHARD_RPC, body);
        *request.headers_mut() = self.headers()?;
        Ok(request)
    }

    fn headers(&self) -> Result<HeaderMap, LunoraError> {
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.typed_insert(System);
        if let Some(id) = self.mutation_id {
            headers.typed_insert(MutationId::new(id)?);
        }
        Ok(headers)
    }
}

/// Reads the response of a shard: success, or a failure with the shard's own code.
pub(crate) async fn outcome(response: Response) -> Result<(), LunoraError> {
    succeeded(response).await.map(drop)
}

/// Returns the result of a function: the field `result` of the shard's response.
pub(crate) async fn result_of<T: DeserializeOwned>(response: Response) -> Result<T, LunoraError> {
    /// The largest response that the Worker reads whole.
    const MAX_ANSWER: usize = 32 * 1024 * 1024;

    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Answer<T> {
        result: T,
    }

    let body = succeeded(response).await?.into_parts().1;
    let text = body.into_bytes(MAX_ANSWER).await.map_err(LunoraError::internal)?;
    let text = str::from_utf8(&text).map_err(LunoraError::internal)?;
    let answer: Answer<T> = from_json(text).map_err(LunoraError::internal)?;
    Ok(answer.result)
}

/// Returns the response, unless it is a failure.
async fn succeeded(response: Response) -> Result<Response, LunoraError> {
    /// The maximum number of bytes that are read of a failure.
    const MAX_FAILURE: usize = 64 * 1024;

    #[derive(Deserialize)]
    struct Failure {
        error: Detail,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Detail {
        code: String,
        #[serde(default)]
        message: String,
        data: Option<Box<RawValue>>,
        hint: Option<Hint>,
        docs_url: Option<String>,
    }

    if response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = body.into_bytes(MAX_FAILURE).await.unwrap_or_default();
    Err(match serde_json::from_slice::<Failure>(&body) {
        Ok(Failure { error: Detail { code, message, data, hint, docs_url } }) => {
            LunoraError::custom(code, head.status.as_u16(), message)
                .with_details(data, hint, docs_url)
        }
        Err(_) => LunoraError::new(
            Code::ShardHttpError,
            format!("the shard answered {} without an error body", head.status.as_u16()),
        ),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_failure_reaches_its_caller_with_everything_it_says() {
        let whole = r#"{"error":{"code":"SEAT_TAKEN","message":"seat 12","data":{"seat":9007199254740993},"hint":["a","b"],"docsUrl":"https://x.test/"}}"#;
        let bare = r#"{"error":{"code":"SEAT_TAKEN","message":"seat 12"}}"#;
        for json in [whole, bare] {
            let answer = Response::raw_json(json).with_status(409);
            let error = block_on(result_of::<()>(answer)).unwrap_err();
            assert_eq!((error.status().as_u16(), &*error.to_body().to_json()), (409, json));
        }
    }

    #[test]
    fn a_redacted_failure_stays_redacted() {
        let json =
            r#"{"error":{"code":"INTERNAL","message":"secret","data":"secret","hint":"secret"}}"#;
        let error = block_on(outcome(Response::raw_json(json).with_status(500))).unwrap_err();
        assert!(!error.to_body().to_json().contains("secret"));
    }
}
