//! `lunora rpc`.

use lunora_client::protocol::Envelope;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{Outcome, client::Client, failure::Failure, output::Output};

/// The caller of a function.
pub(crate) enum Caller {
    Anonymous,
    /// A user, by a token of the application.
    User {
        token: String,
    },
    /// The operator, as a user.
    Operator {
        user: String,
    },
}

/// The arguments of the operation that calls a function as a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunAs<'a> {
    function_path: &'a str,
    args: &'a RawValue,
    user_id: &'a str,
}

/// Calls a function; numbers of arguments and result stay as they are written.
pub(crate) fn run(
    function: &str,
    args: &str,
    shard: Option<&str>,
    caller: &Caller,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    let object: Option<Box<RawValue>> = serde_json::from_str(args).ok();
    let args = object.filter(|object| object.get().starts_with('{')).ok_or_else(|| {
        Failure::Usage(format!("invalid arguments `{args}`: expected a JSON object"))
    })?;
    let call =
        |function_path, args| Envelope { function_path, args, shard_key: shard, fan_out: None };
    let answer = match caller {
        Caller::Anonymous => client.rpc(&call(function, &args), None)?,
        Caller::User { token } => client.rpc(&call(function, &args), Some(token))?,
        Caller::Operator { user } => {
            let run_as = RunAs { function_path: function, args: &args, user_id: user };
            let args = serde_json::value::to_raw_value(&run_as);
            let args = args.map_err(|error| Failure::Unexpected(error.to_string()))?;
            client.operate(&call("__lunora_admin__:runAs", &args))?
        }
    };
    let result = answer.result();
    output.answer(&result, || pretty(result.get()));
    Ok(Outcome::Done)
}

/// Formats the result over several lines, unless that would change a number.
fn pretty(json: &str) -> String {
    let parsed = serde_json::from_str::<Value>(json).ok();
    let exact = parsed.filter(|parsed| parsed.to_string().len() == json.len());
    exact
        .and_then(|parsed| serde_json::to_string_pretty(&parsed).ok())
        .unwrap_or_else(|| json.to_owned())
}
