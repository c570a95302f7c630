//! What must not change without a migration, with the migration to write.

use std::fmt;

use super::{
    compare::{Change, Kind},
    layout::{Struct, Type},
};

/// A change that no migration covers.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The documents of a table are of another type.
    Documents {
        class: String,
        table: String,
        /// The version of the class so far.
        version: u32,
        old: Type,
        new: Type,
        changes: Vec<Change>,
    },
    /// A table, or an index, is gone.
    Dropped { class: String, name: String },
    /// A class is gone.
    Class(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documents { class, table, version, old, new, changes } => {
                writeln!(
                    f,
                    "the type of `{table}` in `{class}` changes, and no migration brings stored documents along:\n"
                )?;
                for change in changes {
                    writeln!(f, "  - {change}")?;
                }
                let example = Example { table, version: *version, old, new };
                write!(
                    f,
                    "\nAdd one:\n\n{example}\nRun it once the new version is deployed: {}\n",
                    command(table, &example.id())
                )
            }
            Self::Dropped { class, name } => {
                let what = if name.contains('.') { "index" } else { "table" };
                let id = format!("drop-{}", name.replace('.', "-"));
                write!(
                    f,
                    "the {what} `{name}` of `{class}` is gone. If that is on purpose, say so in its `shard!`:\n\n    \
                     migrations: {{\n        \"{id}\" drops \"{name}\",\n    }},\n"
                )?;
                // An index is dropped when its shard is opened.
                if name.contains('.') {
                    return Ok(());
                }
                writeln!(
                    f,
                    "\nIts documents stay until the new version is deployed, and you run: {}",
                    command(name, &id)
                )
            }
            Self::Class(class) => writeln!(
                f,
                "the class `{class}` is gone. If it was renamed, rename it in lunora.schema.lock as well; \
                 if its objects were deleted, delete it there"
            ),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the document" } else { &*format!("`{}`", self.path) };
        match &self.kind {
            Kind::Type { old, new } => write!(f, "{path} was `{old}`, and is `{new}`"),
            Kind::Added => write!(f, "{path} is new, and stored documents lack it"),
            Kind::Removed => {
                write!(f, "{path} is gone, and an older version cannot read documents without it")
            }
            Kind::Refused => {
                write!(f, "{path} is gone, and stored documents have it, which the type refuses")
            }
            Kind::Variant(name) => write!(f, "{path} had the variant `{name}`"),
        }
    }
}

/// Returns the command that runs a migration on every shard.
fn command(table: &str, id: &str) -> String {
    format!("lunora migrate {table} {id}")
}

/// A migration to write, with the type as it was.
struct Example<'a> {
    table: &'a str,
    version: u32,
    old: &'a Type,
    new: &'a Type,
}

impl Example<'_> {
    fn id(&self) -> String {
        format!("{}-{}", self.table, self.version + 1)
    }
}

impl fmt::Display for Example<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, next) = (self.table, self.version + 1);
        let function = format!("{}_to_{next}", snake(table));
        writeln!(f, "    migrations: {{")?;
        writeln!(
            f,
            "        \"{}\" on {} => {{ up: {function} }},",
            self.id(),
            snake(table).to_uppercase()
        )?;
        writeln!(f, "    }},\n")?;
        let old = match self.old {
            Type::Struct(old) => {
                write_struct(f, old, self.version)?;
                format!("{}V{}", old.name, self.version)
            }
            other => other.to_string(),
        };
        writeln!(
            f,
            "    fn {function}(old: {old}) -> Result<Option<{}>, LunoraError> {{",
            self.new
        )?;
        if let (Type::Struct(old), Type::Struct(new)) = (self.old, self.new) {
            let values = new.fields.iter().map(|field| match old.same(field) {
                Some(same) if same.of == field.of => {
                    format!("{0}: old.{1}", field.name(), same.name())
                }
                _ => format!("{}: /* a value */", field.name()),
            });
            let values: Vec<_> = values.collect();
            writeln!(f, "        Ok(Some({} {{ {} }}))", new.name, values.join(", "))?;
        } else {
            writeln!(f, "        Ok(Some(/* from `old` */))")?;
        }
        writeln!(f, "    }}")
    }
}

fn write_struct(f: &mut fmt::Formatter<'_>, of: &Struct, version: u32) -> fmt::Result {
    writeln!(f, "    #[derive(serde::Deserialize)]\n    struct {}V{version} {{", of.name)?;
    for field in &of.fields {
        if field.optional && !matches!(field.of, Type::Option(_)) {
            writeln!(f, "        #[serde(default)]")?;
        }
        writeln!(f, "        {}: {},", field.name(), field.of)?;
    }
    writeln!(f, "    }}\n")
}

/// Returns `order_lines` for `orderLines`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
