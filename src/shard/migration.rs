//! Migrations: documents of a table from one shape to the next, and what is dropped.

use serde::{Serialize, de::DeserializeOwned};

use crate::errors::{Code, LunoraError};

/// A migration. It runs when an operator starts it (`runMigration`).
pub(crate) struct Migration {
    pub(crate) id: &'static str,
    pub(crate) work: Work,
}

/// What a migration does.
pub(crate) enum Work {
    /// Takes each document of a table from one shape to the next, in batches; it resumes where it
    /// stopped.
    Documents { table: &'static str, up: Step, down: Option<Step> },
    /// Drops a table that is no longer declared, with its documents, or says that an index, named
    /// `table.index`, is no longer declared on purpose.
    Drop(&'static str),
}

/// Maps the JSON text of a document to that of the next one; `None` leaves it as it is.
pub(crate) type Step = Box<dyn Fn(&str) -> Result<Option<String>, LunoraError>>;

/// A function that can be a migration: `fn(Old) -> Result<Option<New>, Error>`.
///
/// `Old` is read from the whole document, `_id` and `_creationTime` included; both stay, for any
/// `New`. `None` leaves the document as it is.
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
#[diagnostic::on_unimplemented(
    message = "this function cannot migrate documents",
    label = "a migration has the form `fn(old: Old) -> Result<Option<New>, LunoraError>`",
    note = "`Old` implements `serde::Deserialize` and `New` implements `serde::Serialize`; `Ok(None)` leaves a document as it is"
)]
pub trait MigrationHandler<Marker>: 'static {
    #[doc(hidden)]
    fn into_step(self) -> MigrationStep;
}

/// A migration without its types.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "a function behind a box")]
pub struct MigrationStep(Step);

/// The result of a migration for a document.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a migration returns",
    label = "a migration returns `Result<Option<New>, LunoraError>`, where `New` implements `serde::Serialize`",
    note = "`Ok(None)` leaves a document as it is"
)]
pub trait Migrated {
    #[doc(hidden)]
    fn into_json(self) -> Result<Option<serde_json::Result<String>>, LunoraError>;
}

#[diagnostic::do_not_recommend]
impl<New: Serialize, E: Into<LunoraError>> Migrated for Result<Option<New>, E> {
    fn into_json(self) -> Result<Option<serde_json::Result<String>>, LunoraError> {
        let new = self.map_err(Into::into)?;
        Ok(new.map(|new| serde_json::to_string(&new)))
    }
}

#[diagnostic::do_not_recommend]
impl<F, Old, R> MigrationHandler<(Old, R)> for F
where
    F: Fn(Old) -> R + 'static,
    Old: DeserializeOwned,
    R: Migrated,
{
    fn into_step(self) -> MigrationStep {
        let failed = |error: serde_json::Error| {
            let message = "a document does not match the type that the migration takes or returns";
            LunoraError::new(Code::RpcFailed, message).with_source(error)
        };
        MigrationStep(Box::new(move |document| {
            let old = serde_json::from_str(document).map_err(failed)?;
            self(old).into_json()?.transpose().map_err(failed)
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
        let work = Work::Documents { table, up: up.0, down: down.map(|down| down.0) };
        Self { id, work }
    }
}
