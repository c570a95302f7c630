//! The manifest of a snapshot, and the names of its objects.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{platform::hex, wire::iso::to_iso};

/// The manifest of a snapshot, `….ndjson.manifest.json` (docs/wire.md, "Snapshots", and what this
/// crate adds). A snapshot without a manifest does not exist.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Manifest {
    /// The size of the snapshot, in bytes.
    pub bytes: u64,
    /// The number of lines that are changes, which replace earlier rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// `true` if the snapshot holds each shard at one sequence number. A shard of another
    /// implementation does not report its number, and writes during the read of its rows may be
    /// missing.
    #[serde(default)]
    pub consistent: bool,
    /// The time at which the run began, in ISO form. Later changes may be part of the snapshot.
    pub created_at: String,
    /// The trigger that started the run; absent in a manual snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The identity of the deployment, among those that share the bucket and prefix. Absent in
    /// snapshots of other writers and of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The store's etag of the object that the manifest describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The key of the snapshot.
    pub file: String,
    /// The time at which its last row was read, in ISO form: it holds no later change. Absent in
    /// snapshots of other writers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The rows of the tables that belong to no shard; absent if the deployment has no such tables,
    /// and in older snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalPart>,
    /// The time that the snapshot is for, in ISO form.
    pub id: String,
    /// The tables of the deployment that no snapshot includes.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// The number of lines that are stored answers of mutations.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replies: u64,
    /// The number of lines that are rows, of shards and of global tables.
    pub rows: u64,
    /// The number of rows of each table of the shards.
    #[serde(default)]
    pub rows_by_table: BTreeMap<String, u64>,
    /// The time that the snapshot is for, in milliseconds since 1970.
    #[serde(default)]
    pub scheduled_time: i64,
    /// The pieces that several invocations wrote one after the other; empty if one invocation wrote
    /// everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
    /// The SHA-256 of the snapshot, in lower-case hexadecimal digits. Older snapshots may lack it,
    /// and so do those of several segments, each of which has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The shards, in the order of their rows in the snapshot.
    #[serde(default)]
    pub shards: Vec<ManifestShard>,
    /// The tables, separated by commas, of a snapshot that is not of every table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<String>,
    /// The number of lines that are watermarks of clients.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub watermarks: u64,
}

/// The part of a snapshot that one invocation wrote.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Segment {
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// Tables that are not part of a snapshot, since they hold no documents of a shard.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LeftOut {
    /// Tables of shards that were created with SQL, or that are not declared any more; the first
    /// hundred of each shard.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub shard_tables: BTreeSet<String>,
    /// Tables that belong to no shard
    /// ([`Builder::global_tables`](crate::builder::Builder::global_tables)) and whose rows cannot
    /// be moved, such as virtual ones; every global table in older snapshots.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub global_tables: BTreeSet<String>,
}

impl LeftOut {
    /// Returns whether every table is part of the snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shard_tables.is_empty() && self.global_tables.is_empty()
    }

    /// Returns a sentence about the tables; `None` if there are none.
    #[must_use]
    pub fn to_warning(&self) -> Option<String> {
        let list = |names: &BTreeSet<String>| {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let kinds = [
            ("tables of shards made by SQL or not declared any more", &self.shard_tables),
            ("global tables", &self.global_tables),
        ];
        let parts: Vec<_> = kinds
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(kind, names)| format!("{kind}: {}", list(names)))
            .collect();
        (!parts.is_empty()).then(|| format!("backups leave out {}", parts.join("; ")))
    }
}

/// The part of a snapshot that holds the global tables, after the shards.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GlobalPart {
    /// `true` if the rows are those of one moment. They are read page by page, so a table that is
    /// written meanwhile may be torn, and nothing but `false` is written.
    pub consistent: bool,
    /// The number of rows of each table, also of those that have none.
    pub rows_by_table: BTreeMap<String, u64>,
}

impl GlobalPart {
    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.rows_by_table.values().copied().fold(0, u64::saturating_add)
    }
}

/// One shard's part of a snapshot.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ManifestShard {
    /// The number of changes that follow its rows. Each replaces every earlier line of its
    /// document.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// The offset of the first change in the snapshot, in bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes_at: u64,
    /// The number of stored answers of mutations between its rows and its changes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replies: u64,
    /// The number of its rows.
    pub rows: u64,
    /// The sequence number at which the snapshot holds the shard. The later changes, applied to the
    /// snapshot, give the shard's later state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The key of the shard.
    pub shard_key: String,
    /// The number of watermarks of clients between its rows and its changes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub watermarks: u64,
}

impl ManifestShard {
    /// Returns the number of lines of the snapshot that belong to the shard.
    pub(super) fn lines(&self) -> u64 {
        [self.rows, self.watermarks, self.replies, self.changes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl Manifest {
    /// Returns the tables of a snapshot that is not of every table.
    pub(super) fn table_names(&self) -> Option<Vec<String>> {
        Some(self.tables.as_ref()?.split(',').map(str::to_owned).collect())
    }

    /// Returns the tables of the shards in a snapshot that is not of every table.
    pub(super) fn shard_table_names(&self) -> Option<Vec<String>> {
        let mut names = self.table_names()?;
        if let Some(global) = &self.global {
            names.retain(|name| {
                self.rows_by_table.contains_key(name) || !global.rows_by_table.contains_key(name)
            });
        }
        Some(names)
    }

    /// Returns the names of the global tables.
    pub(super) fn global_tables(&self) -> impl Iterator<Item = &String> {
        self.global.iter().flat_map(|global| global.rows_by_table.keys())
    }

    /// Returns the number of rows of global tables.
    pub(super) fn global_rows(&self) -> u64 {
        self.global.as_ref().map_or(0, GlobalPart::rows)
    }

    /// Returns whether the snapshot holds one shard after the other, as this crate writes them.
    pub(crate) fn knows_shards(&self) -> bool {
        !self.shards.is_empty()
            && self
                .shards
                .iter()
                .map(|shard| shard.rows)
                .sum::<u64>()
                .saturating_add(self.global_rows())
                == self.rows
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The names of the objects of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotName {
    pub(crate) id: String,
    pub(crate) object: String,
    pub(crate) manifest: String,
}

impl SnapshotName {
    const STEM: &str = "lunora-backup-";
    const EXTENSION: &str = ".ndjson";
    const MANIFEST: &str = ".manifest.json";
    const CLAIM: &str = ".claim";
    const UNFINISHED: &str = ".unfinished";
    const PROOF: &str = ".proof.json";
    const MARKER: &str = "trigger-";

    /// Returns the name of the snapshot for a time.
    pub(crate) fn of_time(prefix: &str, ms: i64) -> Self {
        Self::of_id(prefix, &to_iso(ms))
    }

    /// Returns the name of the snapshot with this id, in its own form or in the form that keys
    /// have.
    pub(crate) fn of_id(prefix: &str, id: &str) -> Self {
        let in_key = id.replace([':', '.'], "-");
        let object = [prefix, Self::STEM, &in_key, Self::EXTENSION].concat();
        let manifest = [&object, Self::MANIFEST].concat();
        Self { id: id.to_owned(), object, manifest }
    }

    /// Returns the name of the snapshot to which the object `key` belongs; `None` for any other
    /// key.
    #[cfg(feature = "admin")]
    pub(crate) fn of_key(prefix: &str, key: &str) -> Option<Self> {
        let object = Self::object_of(key).unwrap_or(key);
        let id = object.strip_prefix(prefix)?.strip_prefix(Self::STEM)?;
        let name = Self::of_id(prefix, id.strip_suffix(Self::EXTENSION)?);
        (name.object == object).then_some(name)
    }

    /// Returns the key of the claim that a run holds while it takes the snapshot.
    pub(super) fn claim(&self) -> String {
        [&self.object, Self::CLAIM].concat()
    }

    /// Returns whether a key is that of a claim.
    pub(super) fn is_claim(key: &str) -> bool {
        key.strip_suffix(Self::CLAIM).is_some_and(Self::is_object)
    }

    /// Returns the key of the object that stores the progress of an unfinished run.
    pub(super) fn unfinished(&self) -> String {
        [&self.object, Self::UNFINISHED].concat()
    }

    /// Returns the key of the snapshot of an unfinished run; `None` for another object.
    pub(super) fn unfinished_object(key: &str) -> Option<&str> {
        key.strip_suffix(Self::UNFINISHED).filter(|object| Self::is_object(object))
    }

    /// Returns the key of the proof of a verified snapshot.
    pub(super) fn proof_of(object: &str) -> String {
        [object, Self::PROOF].concat()
    }

    /// Returns the key of the snapshot to which a proof belongs; `None` for another object.
    pub(super) fn proven_object(proof: &str) -> Option<&str> {
        proof.strip_suffix(Self::PROOF).filter(|object| Self::is_object(object))
    }

    /// Returns the key of the object that stores since when a trigger is known.
    pub(super) fn marker(prefix: &str, cron: &str) -> String {
        [prefix, Self::STEM, Self::MARKER, &hex(cron.as_bytes()), ".json"].concat()
    }

    /// Returns the key of the object that stores the result of the last drill.
    pub(super) fn drill(prefix: &str) -> String {
        [prefix, Self::STEM, "drill.json"].concat()
    }

    /// Returns the common prefix of the keys of every snapshot.
    pub(crate) fn common_prefix(prefix: &str) -> String {
        [prefix, Self::STEM].concat()
    }

    /// Returns the key of the snapshot that a manifest describes; `None` for another object.
    pub(crate) fn object_of(manifest: &str) -> Option<&str> {
        manifest.strip_suffix(Self::MANIFEST).filter(|object| object.ends_with(Self::EXTENSION))
    }

    /// Returns whether a key is that of a snapshot's rows.
    pub(crate) fn is_object(key: &str) -> bool {
        key.ends_with(Self::EXTENSION)
    }

    /// Returns the key of the manifest of a snapshot.
    pub(crate) fn manifest_of(object: &str) -> String {
        [object, Self::MANIFEST].concat()
    }
}
