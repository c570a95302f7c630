//! The RPC envelope: `{functionPath, args?, shardKey?, fanOut?}`.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::{RawValue, to_raw_value};

use super::{FanOut, ShardKey, ShardKeyError, value::Rule};
use crate::errors::{Code, LunoraError};

/// One call: which function, with what arguments, on which shard.
///
/// The arguments stay the text they came as, so that they reach the function byte for byte:
/// integers above 2^53, repeated keys and `__proto__` included.
///
/// ```
/// use lunora::wire::RpcEnvelope;
///
/// let envelope = RpcEnvelope::from_slice(
///     br#"{"functionPath":"messages:list","args":{"before":9007199254740993},"shardKey":"general"}"#,
/// )?;
/// assert_eq!(envelope.function_path(), "messages:list");
/// assert_eq!(envelope.args(), r#"{"before":9007199254740993}"#);
/// # Ok::<(), lunora::LunoraError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RpcEnvelope {
    function_path: String,
    args: Box<RawValue>,
    target: Target,
}

/// The target of a call.
#[derive(Clone, Debug, Default)]
pub(crate) enum Target {
    /// To the shard that calls without a key go to.
    #[default]
    DefaultShard,
    /// To the shard of this key.
    Shard(ShardKey),
    /// To every shard of a table.
    FanOut(FanOut),
}

impl RpcEnvelope {
    /// Reads an envelope as a client sends it (docs/wire.md, "Calls").
    ///
    /// Unknown fields are ignored, and of a repeated field the last one counts, as in JavaScript.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` that names the malformed field; 403 `FORBIDDEN_SHARD` for a key that
    /// names a companion of a shard.
    pub fn from_slice(json: &[u8]) -> Result<Self, LunoraError> {
        let fields: Fields<'_> = serde_json::from_slice(json).map_err(|error| {
            LunoraError::bad_request(if error.is_data() {
                "Request body must be an object"
            } else {
                "RPC body must be valid JSON"
            })
        })?;
        let function_path = string(fields.function_path, format_args!("functionPath"))?;
        let args = match fields.args {
            None => empty_object()?,
            Some(args) if args.get().starts_with('{') => args.to_owned(),
            Some(_) => return Err(LunoraError::bad_request("args must be an object")),
        };
        let target = match (fields.shard_key, fields.fan_out) {
            (None, None) => Target::DefaultShard,
            (Some(key), None) => Target::Shard(shard_key(key, format_args!("shardKey"))?),
            (None, Some(spec)) => Target::FanOut(FanOut::from_json(spec.get())?),
            (Some(_), Some(_)) => {
                return Err(LunoraError::bad_request("shardKey and fanOut exclude each other"));
            }
        };
        Ok(Self { function_path, args, target })
    }

    /// Addresses the call to one shard.
    ///
    /// The empty key stands for the default shard: no envelope has an empty `shardKey`.
    #[must_use]
    pub fn with_shard_key(mut self, key: ShardKey) -> Self {
        self.target =
            if key.as_str().is_empty() { Target::DefaultShard } else { Target::Shard(key) };
        self
    }

    /// Addresses the call to every shard of a table.
    ///
    /// ```
    /// use lunora::{coordinator::{FanOut, Merge}, wire::define_rpc_envelope};
    /// use serde_json::Map;
    ///
    /// let call = define_rpc_envelope("messages:count", &Map::new())?
    ///     .with_fan_out(FanOut::new("messages", Merge::Sum));
    /// assert_eq!(call.shard_key(), None);
    /// # Ok::<(), lunora::LunoraError>(())
    /// ```
    #[must_use]
    pub fn with_fan_out(mut self, spec: FanOut) -> Self {
        self.target = Target::FanOut(spec);
        self
    }

    /// Returns the path of the function: `"messages:send"`.
    #[must_use]
    pub fn function_path(&self) -> &str {
        &self.function_path
    }

    /// Returns the arguments, as JSON text of an object in wire form.
    #[must_use]
    pub fn args(&self) -> &str {
        self.args.get()
    }

    /// Returns the shard, if the call names one.
    #[must_use]
    pub fn shard_key(&self) -> Option<&ShardKey> {
        match &self.target {
            Target::Shard(key) => Some(key),
            Target::DefaultShard | Target::FanOut(_) => None,
        }
    }

    /// Returns the fan-out, if the call requests one.
    #[must_use]
    pub fn fan_out(&self) -> Option<&FanOut> {
        match &self.target {
            Target::FanOut(spec) => Some(spec),
            Target::DefaultShard | Target::Shard(_) => None,
        }
    }

    /// Returns the envelope as a client sends it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, and text that is already JSON, can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the call as a shard takes it: `{"args","functionPath"}`, the arguments byte for
    /// byte.
    pub(crate) fn to_shard_body(&self) -> Vec<u8> {
        shard_body(&self.function_path, self.args.get())
    }
}

/// Returns the body of a call as a shard takes it, `{"args","functionPath"}`; `args` is the JSON
/// text of an object, and stays as it is, byte for byte.
pub(crate) fn shard_body(function_path: &str, args: impl AsRef<[u8]>) -> Vec<u8> {
    // A string can always be written.
    let path = serde_json::to_string(function_path).unwrap_or_default();
    [br#"{"args":"#, args.as_ref(), br#","functionPath":"#, path.as_bytes(), b"}"].concat()
}

/// Makes an envelope from typed arguments, for tests and callers written in Rust.
///
/// ```
/// use lunora::wire::define_rpc_envelope;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Send<'a> { text: &'a str }
///
/// let envelope = define_rpc_envelope("messages:send", &Send { text: "hello" })?
///     .with_shard_key("general".parse()?);
/// assert_eq!(
///     envelope.to_json(),
///     r#"{"functionPath":"messages:send","args":{"text":"hello"},"shardKey":"general"}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `&()` stands for no arguments, an empty object.
///
/// # Errors
/// 400 `BAD_REQUEST` if `args` is not a JSON object, or cannot be written as JSON.
pub fn define_rpc_envelope(
    function_path: impl Into<String>,
    args: &impl Serialize,
) -> Result<RpcEnvelope, LunoraError> {
    let refused = || LunoraError::bad_request("args must be an object");
    let args = to_raw_value(args).map_err(|_| refused())?;
    let args = match args.get() {
        "null" => RawValue::from_string("{}".to_owned()).map_err(|_| refused())?,
        text if text.starts_with('{') => args,
        _ => return Err(refused()),
    };
    Ok(RpcEnvelope { function_path: function_path.into(), args, target: Target::DefaultShard })
}

impl Serialize for RpcEnvelope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("functionPath", &self.function_path)?;
        map.serialize_entry("args", &self.args)?;
        match &self.target {
            Target::DefaultShard => {}
            Target::Shard(key) => map.serialize_entry("shardKey", key.as_str())?,
            Target::FanOut(spec) => map.serialize_entry("fanOut", spec)?,
        }
        map.end()
    }
}

#[derive(Default)]
struct Fields<'a> {
    function_path: Option<&'a RawValue>,
    args: Option<&'a RawValue>,
    shard_key: Option<&'a RawValue>,
    fan_out: Option<&'a RawValue>,
}

/// Implemented manually: serde's derive refuses a repeated field, but JavaScript takes the last.
impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fill;

        impl<'de> Visitor<'de> for Fill {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RPC envelope")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    let slot = match &*key {
                        "functionPath" => &mut fields.function_path,
                        "args" => &mut fields.args,
                        "shardKey" => &mut fields.shard_key,
                        "fanOut" => &mut fields.fan_out,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *slot = Some(map.next_value()?);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Fill)
    }
}

/// Reads the string of a field, which `place` names.
pub(super) fn string(
    raw: Option<&RawValue>,
    place: fmt::Arguments<'_>,
) -> Result<String, LunoraError> {
    let text = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    text.ok_or_else(|| {
        // JSON accepts this string and Rust does not.
        let half = raw.is_some_and(|raw| raw.get().starts_with('"'));
        LunoraError::bad_request(if half {
            format!("{place}: {}", Rule::Surrogate)
        } else {
            format!("{place} must be a string")
        })
    })
}

/// Reads the shard key of a field, which `place` names.
pub(super) fn shard_key(
    raw: &RawValue,
    place: fmt::Arguments<'_>,
) -> Result<ShardKey, LunoraError> {
    let key = string(Some(raw), place)?;
    if key.is_empty() {
        let message = format!("{place} must not be empty; leave it out for the default shard");
        return Err(LunoraError::bad_request(message));
    }
    Ok(ShardKey::new(key)?)
}

fn empty_object() -> Result<Box<RawValue>, LunoraError> {
    RawValue::from_string("{}".to_owned()).map_err(LunoraError::internal)
}

/// Converts a refused key into the error that a client sees.
impl From<ShardKeyError> for LunoraError {
    fn from(error: ShardKeyError) -> Self {
        let code = match error {
            ShardKeyError::Reserved { .. } => Code::ForbiddenShard,
            ShardKeyError::TooLong { .. } => Code::BadRequest,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
