//! Migrations: documents of a table from one shape to the next.

use serde::{Serialize, de::DeserializeOwned};

use crate::errors::{Code, LunoraError};

/// A migration of the documents of one table. It runs when an operator says so
/// (`runMigration`), in batches, and goes on where it was.
pub(crate) struct Migration {
    pub(crate) id: &'static str,
    pub(crate) table: &'static str,
    pub(crate) up: Step,
    pub(crate) down: Option<Step>,
}

/// From the JSON text of a document to that of the next one; none to leave it as it is.
pub(crate) type Step = Box<dyn Fn(&str) -> Result<Option<String>, LunoraError>>;

/// What can be a migration: `fn(Old) -> Result<Option<New>, Error>`.
///
/// `Old` is read from the whole document, `_id` and `_creationTime` included; both stay, whatever
/// `New` is. `None` leaves the document as it is.
///
/// ```
/// use lunora::{LunoraError, shard::{ShardDefinition, Table, table}};
/// use serde::{Deserialize, Serialize};
///
/// const MESSAGES: Table = table!("messages");
///
/// #[derive(Deserialize)]
/// struct Old { text: String }
///
/// #[derive(Serialize)]
/// struct New { text: String, length: usize }
///
/// fn add_length(old: Old) -> Result<Option<New>, LunoraError> {
///     Ok(Some(New { length: old.text.chars().count(), text: old.text }))
/// }
///
/// let definition = ShardDefinition::new()
///     .table(MESSAGES)
///     .migration("add-length", MESSAGES, add_length);
/// # assert!(definition.check().is_ok());
/// ```
pub trait MigrationHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_step(self) -> MigrationStep;
}

/// A migration without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct MigrationStep(Step);

impl<F, Old, New, E> MigrationHandler<(Old, New, E)> for F
where
    F: Fn(Old) -> Result<Option<New>, E> + 'static,
    Old: DeserializeOwned,
    New: Serialize,
    E: Into<LunoraError>,
{
    fn into_step(self) -> MigrationStep {
        let failed = |error: serde_json::Error| {
            let message = "a document is not what the migration takes, or makes, of it";
            LunoraError::new(Code::RpcFailed, message).with_source(error)
        };
        MigrationStep(Box::new(move |document| {
            let old = serde_json::from_str(document).map_err(failed)?;
            let new = self(old).map_err(Into::into)?;
            new.map(|new| serde_json::to_string(&new).map_err(failed)).transpose()
        }))
    }
}

impl Migration {
    pub(crate) fn new(
        id: &'static str,
        table: &'static str,
        up: MigrationStep,
        down: Option<MigrationStep>,
    ) -> Self {
        Self { id, table, up: up.0, down: down.map(|down| down.0) }
    }
}
