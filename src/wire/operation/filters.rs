//! Conditions on the rows of a table, as an operator sends them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::errors::LunoraError;

/// A condition on one column of a table, or on one field of its documents.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(alias = "field")]
    pub(crate) column: String,
    #[serde(default)]
    pub(crate) op: FilterOp,
    /// A value in wire form; absent for `null` too.
    value: Option<Box<RawValue>>,
}

/// The comparison of a condition.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FilterOp {
    #[default]
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    Contains,
    IsNull,
    IsNotNull,
}

impl Filter {
    /// Parses `[{"column","op"?,"value"?}]`; an absent list is empty.
    pub(crate) fn parse_all(json: Option<&str>) -> Result<Vec<Self>, LunoraError> {
        let Some(json) = json else { return Ok(Vec::new()) };
        let filters: Option<Vec<Self>> = serde_json::from_str(json).map_err(|error| {
            LunoraError::bad_request(format!(
                "`filters` must be a JSON array of {{\"column\", \"op\"?, \"value\"?}}: {error}"
            ))
        })?;
        Ok(filters.unwrap_or_default())
    }

    /// Returns the value to compare with, as JSON in wire form.
    pub(crate) fn value(&self) -> &str {
        self.value.as_deref().map_or("null", RawValue::get)
    }
}
