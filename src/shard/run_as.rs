//! A call that an operator makes as a user: `__lunora_admin__:runAs`.

use std::{borrow::Cow, rc::Rc};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    call::check_args,
    caller::{Caller, SharedCaller},
};
use crate::{errors::LunoraError, wire::Identity};

/// A function, its arguments, and the user as whom it runs. Without a user the caller is anonymous.
/// Internal functions are not callable, as for the user.
pub(super) struct RunAs<'a> {
    pub(super) function_path: Cow<'a, str>,
    pub(super) args: &'a str,
    pub(super) caller: SharedCaller,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    function_path: Cow<'a, str>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    user_id: Option<String>,
    /// The other claims.
    #[serde(default)]
    identity: Option<Map<String, Value>>,
}

impl<'a> RunAs<'a> {
    /// Reads the arguments of the operation.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` if they are malformed.
    pub(super) fn read(json: &'a str) -> Result<Self, LunoraError> {
        let fields: Fields<'a> = super::admin::read(json)?;
        let mut claims = fields.identity.unwrap_or_default();
        if let Some(id) = fields.user_id.filter(|id| !id.is_empty()) {
            claims.insert("userId".to_owned(), Value::String(id));
        }
        let identity = (!claims.is_empty()).then(|| Identity::from_claims(claims));
        let args = check_args(fields.args)?;
        let caller = Rc::new(Caller { identity, ip: None, system: false });
        Ok(Self { function_path: fields.function_path, args, caller })
    }
}
