//! A line of an import.

use serde_json::value::RawValue;

/// A row as it is in a line.
pub(super) struct Row<'a> {
    pub(super) table: String,
    /// The shard, if the line names it.
    pub(super) shard: Option<String>,
    /// `true` if the line says that its table belongs to no shard.
    pub(super) is_global: bool,
    /// The global tables whose rows follow, in the first line of an export.
    pub(super) global_tables: Vec<String>,
    /// The number of a row of a global table without a primary key.
    pub(super) rowid: Option<i64>,
    pub(super) doc: &'a RawValue,
}

impl<'a> Row<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            table: String,
            #[serde(default, rename = "shardKey")]
            shard: Option<String>,
            #[serde(default, rename = "global")]
            is_global: bool,
            #[serde(default, rename = "globalTables")]
            global_tables: Vec<String>,
            #[serde(default)]
            rowid: Option<i64>,
            #[serde(borrow)]
            doc: &'a RawValue,
        }

        let Fields { table, shard, is_global, global_tables, rowid, doc } =
            serde_json::from_slice(line).map_err(|error| {
                if [&b"{\"$change\":"[..], b"{\"$watermark\":", b"{\"$reply\":"]
                    .iter()
                    .any(|kind| line.starts_with(kind))
                {
                    return "the line is not a row, but a change or the state of a client in a \
                        snapshot: restore the snapshot instead of importing its file"
                        .to_owned();
                }
                format!("the line is no `{{\"table\",\"doc\"}}`: {error}")
            })?;
        if table.starts_with('$') {
            return Err(format!("`{table}` is not a table of a shard, and is not imported"));
        }
        if table.is_empty() || !doc.get().starts_with('{') {
            return Err("`table` must not be empty, and `doc` must be an object".to_owned());
        }
        Ok(Self { table, shard, is_global, global_tables, rowid, doc })
    }
}
