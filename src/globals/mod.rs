//! Documents that belong to no shard, in D1, for functions of the Worker: routes, hooks and actions.
//!
//! They are documents as those of a shard, of the same [`Table`] and with the same indexes, and each call
//! goes over the network:
//!
//! ```
//! use lunora::globals::Globals;
//! use lunora::shard::{Table, table};
//! use lunora::{Env, LunoraError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Deserialize, PartialEq, Serialize)]
//! struct Plan { name: String, seats: u32 }
//!
//! const PLANS: Table<Plan> = table!("plans").index("by_name", &["name"]);
//!
//! async fn add_seat(globals: &Globals, plan: &str) -> Result<u32, LunoraError> {
//!     let plan = globals.table(PLANS).index("by_name").eq("name", plan).unique().await?;
//!     let plan = plan.ok_or_else(|| LunoraError::custom("NO_PLAN", 404, "there is no such plan"))?;
//!     let updated = globals
//!         .update(PLANS, &plan.id, |plan| Ok(Plan { seats: plan.seats + 1, ..plan }))
//!         .await?;
//!     Ok(updated.seats)
//! }
//!
//! # #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
//! # futures::executor::block_on(async {
//! use lunora::testing::{ManualClock, MemoryDatabase};
//!
//! // On Cloudflare: `Globals::new(env.d1("DB")?)`, and `ctx.env()?.d1("DB")?` in an action.
//! let globals = Globals::new(MemoryDatabase::new()?).clock(ManualClock::new(0));
//! globals.insert(PLANS, Plan { name: "team".into(), seats: 4 }).await?;
//! assert_eq!(add_seat(&globals, "team").await?, 5);
//! # Ok::<(), LunoraError>(())
//! # })?;
//! # Ok::<(), LunoraError>(())
//! ```
//!
//! # How they are stored
//!
//! A table of documents is a table of D1 of the same name, with the columns `_id`, `_creationTime`,
//! `_deletedAt` and `doc`, the JSON text of the document. The first call that names it makes it, with its
//! indexes. With `.global_tables(DocumentTables::new(env.d1("DB")?).with(PLANS))` it is in exports, imports,
//! backups, restores and syncs, and operators see its rows. Triggers write each change into the table
//! `lunora_global_changes`, which keeps the last 100,000.
//!
//! # What is atomic
//!
//! A call is one transaction. D1 has none that waits for the application in between, so that a change that
//! depends on the document is made by [`update`](Globals::update), which makes it again if another Worker was
//! first. Where an outcome must be unique, make it the id: [`insert_with_id`](Globals::insert_with_id)
//! refuses the second. Several documents that change together belong into a shard.

#[cfg(feature = "admin")]
mod declared;
mod query;
mod rows;
mod statements;
#[cfg(all(test, feature = "shard-testing"))]
mod tests;

use std::{cell::RefCell, fmt, rc::Rc};

use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "admin")]
pub use self::declared::DocumentTables;
pub use self::query::GlobalDocuments;
use self::{
    rows::documents,
    statements::{Stored, creation, delete, insert, obsolete_indexes, put, stored},
};
pub use crate::platform::{DatabaseRows, DatabaseStatement, GlobalDatabase};
use crate::{
    errors::{Code, LunoraError},
    platform::{Clock, CloudflareClock, database::text, random_seed},
    shard::{
        Document, Table, TableSpec,
        db::{
            check_id,
            fields::{Fields, System},
            own_fields,
            store::{missing, taken, to_stored},
            writer::{merged, to_json},
        },
        random::Random,
    },
};

/// The documents of a database that belongs to no shard.
///
/// A clone shares the database. Make it once, beside the builder, and move clones into the routes: the tables
/// that were made are remembered with it.
#[derive(Clone)]
pub struct Globals {
    database: Rc<dyn GlobalDatabase>,
    clock: Rc<dyn Clock>,
    random: Rc<Random>,
    /// The tables that exist.
    made: Rc<RefCell<Vec<TableSpec>>>,
}

impl Globals {
    /// Changes of one document at once that are tried before the last one gives up.
    const ATTEMPTS: u32 = 16;

    /// Takes the database: `env.d1("DB")?`.
    #[must_use]
    pub fn new(database: impl GlobalDatabase) -> Self {
        Self {
            database: Rc::new(database),
            clock: Rc::new(CloudflareClock),
            random: Rc::default(),
            made: Rc::default(),
        }
    }

    /// Sets the clock. Default: the runtime's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Rc::new(clock);
        self
    }

    /// Returns the document of this id.
    ///
    /// # Errors
    /// If the document is not a `T`, or the database fails.
    pub async fn get<T: DeserializeOwned>(
        &self,
        table: Table<T>,
        id: &str,
    ) -> Result<Option<Document<T>>, LunoraError> {
        let found = self.stored(&table.spec(), id).await?;
        found.map(|found| Document::read(table.name(), &found.json)).transpose()
    }

    /// Returns a query over the documents of a table, which sets order and bounds.
    pub fn table<T>(&self, table: Table<T>) -> GlobalDocuments<'_, T> {
        GlobalDocuments::new(self, table)
    }

    /// Stores a new document, and gives it an id and the time.
    ///
    /// # Errors
    /// 413 `PAYLOAD_TOO_LARGE` for one that is larger than 2 MB; if it is not a JSON object, has a field that
    /// begins with `_`, or the database fails.
    pub async fn insert<T: Serialize>(
        &self,
        table: Table<T>,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        self.random.seed_by(random_seed);
        let id = self.random.document_id(self.clock.now_ms());
        self.insert_with_id(table, id, value).await
    }

    /// Stores a new document under an id that the caller made, such as a name that must be unique.
    ///
    /// # Errors
    /// 409 `CONFLICT` if a document has the id; 400 `VALIDATION_ERROR` if it is empty or longer than 256
    /// bytes; else as [`insert`](Self::insert).
    pub async fn insert_with_id<T: Serialize>(
        &self,
        table: Table<T>,
        id: impl Into<String>,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        let (spec, id) = (table.spec(), id.into());
        check_id(&id)?;
        let json = to_json(&spec, &value)?;
        #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
        let creation_time = self.clock.now_ms() as f64;
        let system = System { id: &id, creation_time, deleted_at: None };
        let json = to_stored(&spec, &own_fields(&spec, &json)?, &system)?;
        let inserted = self.run(&spec, insert(&spec, &system, json)).await?;
        if inserted.is_empty() {
            return Err(taken(&spec));
        }
        Ok(Document { id, creation_time, value })
    }

    /// Changes a document by a function of its value. If another Worker changed it meanwhile, the function
    /// is called again with the new value.
    ///
    /// # Errors
    /// 404 `NOT_FOUND` if the document does not exist; 409 `CONFLICT` if others changed it again and again;
    /// the error of `change`; else as [`insert`](Self::insert).
    pub async fn update<T: DeserializeOwned + Serialize>(
        &self,
        table: Table<T>,
        id: &str,
        mut change: impl FnMut(T) -> Result<T, LunoraError>,
    ) -> Result<Document<T>, LunoraError> {
        let spec = table.spec();
        let (found, value) = self
            .put(&spec, id, None, |json| {
                let value = change(Document::<T>::read(spec.name(), json)?.into_value())?;
                let json = to_json(&spec, &value)?;
                Ok((own_fields(&spec, &json)?.to_object(), value))
            })
            .await?;
        Ok(Document { id: id.to_owned(), creation_time: found.creation_time, value })
    }

    /// Sets some fields of a document and leaves the others as they are.
    ///
    /// # Errors
    /// If the outcome is not a `T`, which is then not stored; else as [`update`](Self::update).
    pub async fn patch<T: DeserializeOwned>(
        &self,
        table: Table<T>,
        id: &str,
        fields: &impl Serialize,
    ) -> Result<Document<T>, LunoraError> {
        let spec = table.spec();
        let patch = to_json(&spec, fields)?;
        let (_, document) = self
            .put(&spec, id, None, |json| {
                let changed = merged(&spec, json, &patch)?.to_object();
                // A value that `T` cannot read must not be stored.
                let document = Document::<T>::read(spec.name(), &changed)?;
                Ok((changed, document))
            })
            .await?;
        Ok(document)
    }

    /// Stores another value in the place of a document, under the same id and creation time.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn replace<T: Serialize>(
        &self,
        table: Table<T>,
        id: &str,
        value: T,
    ) -> Result<Document<T>, LunoraError> {
        let spec = table.spec();
        let json = to_json(&spec, &value)?;
        let json = own_fields(&spec, &json)?.to_object();
        let (found, ()) = self.put(&spec, id, None, |_| Ok((json.clone(), ()))).await?;
        Ok(Document { id: id.to_owned(), creation_time: found.creation_time, value })
    }

    /// Deletes a document, or marks it as deleted if the table is declared so. Returns whether it existed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete<T>(&self, table: Table<T>, id: &str) -> Result<bool, LunoraError> {
        let spec = table.spec();
        if !spec.soft_delete {
            return Ok(!self.run(&spec, delete(&spec, id)).await?.is_empty());
        }
        #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
        let deleted_at = Some(self.clock.now_ms() as f64);
        match self.put(&spec, id, deleted_at, |json| Ok((json.to_owned(), ()))).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::NotFound.as_str() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts what `change` makes of a document in its place, unless it was changed meanwhile; then it
    /// begins again.
    async fn put<R>(
        &self,
        spec: &TableSpec,
        id: &str,
        deleted_at: Option<f64>,
        mut change: impl FnMut(&str) -> Result<(String, R), LunoraError>,
    ) -> Result<(Stored, R), LunoraError> {
        for _ in 0..Self::ATTEMPTS {
            let found = self.stored(spec, id).await?.ok_or_else(|| missing(spec))?;
            let (json, result) = change(&found.json)?;
            let fields = Fields::parse(&json).unwrap_or_default();
            let system = System { id, creation_time: found.creation_time, deleted_at };
            let json = to_stored(spec, &fields, &system)?;
            if !self.run(spec, put(spec, &system, json, &found.json)).await?.is_empty() {
                return Ok((found, result));
            }
        }
        let message = format!("a document of {:?} is changed by others all the time", spec.name());
        Err(LunoraError::new(Code::Conflict, message))
    }

    async fn stored(&self, spec: &TableSpec, id: &str) -> Result<Option<Stored>, LunoraError> {
        let rows = self.run(spec, stored(spec, id)).await?;
        rows.first().map(|row| Stored::read(spec, row)).transpose()
    }

    /// Runs a statement on a table, which is made before if it is not known to exist.
    async fn run(
        &self,
        spec: &TableSpec,
        statement: DatabaseStatement,
    ) -> Result<DatabaseRows, LunoraError> {
        let is_made = self.made.borrow().contains(spec);
        let mut statements = if is_made { Vec::new() } else { creation(spec) };
        statements.push(statement);
        let mut answers = self.database.run(statements).await?;
        let rows = answers.pop().unwrap_or_default();
        if !is_made {
            let kept = answers.pop().unwrap_or_default();
            let obsolete = obsolete_indexes(spec, kept.iter().map(|row| text(row, "name")));
            if !obsolete.is_empty() {
                self.database.run(obsolete).await?;
            }
            self.made.borrow_mut().push(*spec);
        }
        Ok(rows)
    }

    /// Runs a query over a table, and reads its documents.
    async fn read<T: DeserializeOwned>(
        &self,
        spec: &TableSpec,
        statement: DatabaseStatement,
    ) -> Result<Vec<Document<T>>, LunoraError> {
        documents(spec, &self.run(spec, statement).await?)
    }
}

impl fmt::Debug for Globals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Globals").finish_non_exhaustive()
    }
}
