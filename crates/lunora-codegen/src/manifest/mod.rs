//! `lunora.toml`: the parts of an application that its entry needs.
//!
//! ```toml
//! shard = "SHARD"                       # the binding of the shards; required
//! registry = "SHARD_REGISTRY"           # that of the registry, whose class is generated
//! jurisdiction = "eu"                   # of the shards and the registry: `eu`, `us` or `fedramp`; default: not set
//! admin = true                          # the admin token of the environment, and the functions
//! identity = "auth::identify"           # `resolve_identity`, by a function of this crate
//! authorize_shard = "auth::may_open"    # or `open = true`, for shards that are open to all
//! authorize_fan_out = "auth::may_ask"
//! routes = "pages::routes"              # a function that gives the routes
//! storage = "FILES"                     # a bucket for operators
//! operator_page = true                  # the page for operators; needs `registry` and `admin`; default: false
//! scheduled = true                      # the shards make calls later (`ctx.scheduler()`); default: false
//!
//! [sessions]                            # sign-in by codes; the crate needs the feature `sessions` of lunora
//! database = "DB"                       # the binding of the D1 database of users and sessions; required
//! send_code = "mail::send"              # `async fn send(mail: CodeMail, env: &Env) -> Result<(), LunoraError>`; required
//!
//! [globals]                             # tables outside of shards, for operators and backups
//! database = "DB"                       # the binding of the D1 database; required
//! documents = ["plans::PLANS"]          # its tables of `lunora::globals`; the crate needs that feature then
//!
//! [tables.notes]                        # the constant `NOTES`
//! document = "notes::Note"              # required
//! shard_by = "folder"                   # default: not set; imported rows go to the default shard
//! soft_delete = true                    # default: false
//! indexes = { by_author = ["author"] }
//!
//! [functions."notes:add"]               # runs `notes::add` of this crate,
//! run = "notes::add"                    # unless this says otherwise
//! kind = "mutation"                     # or `query`, `action` or `stream`; required
//! internal = true                       # default: false
//! rest = "POST /folders/{shardKey}/notes" # plain HTTP at this route; default: none
//! cache = "public, max-age=30"          # of answers to the `GET` of `rest`; default: `no-store`
//!
//! [[crons]]                             # its trigger must be in wrangler's file
//! name = "sweep"
//! cron = "0 * * * *"
//! function = "notes:sweep"
//! shard_key = "inbox"                   # default: the default shard
//! each_shard_of = "notes"               # instead of `shard_key`; needs `registry`
//! args = { keep = 2 }                   # the crate needs `serde_json` then
//!
//! [backup]                              # needs `registry` and `admin`
//! bucket = "BACKUPS"
//! cron = "0 3 * * *"
//! retain = 14                           # default: all
//! prefix = "nightly"                    # default: `backups/`
//! tables = ["notes"]                    # default: every table
//! allow_empty_registry = true           # default: false; for rows that are all in the default shard
//! page_rows = 1000                      # default: 5000
//! resume = "*/10 * * * *"               # default: the next run continues one that is too long
//! drill = "0 5 * * SUN"                 # default: no drills; its trigger must be in wrangler's file
//! drill_shards = 20                     # default: 100
//! ```
//!
//! The manifest repeats nothing from wrangler's configuration: the classes behind the bindings are read there.

mod reader;
#[cfg(test)]
mod tests;

use toml::de::DeTable;

use self::reader::{Reader, Section};
use crate::{
    Place, Problem,
    wrangler::{BindingKind, Expected, Need},
};

/// The name of the file.
pub const FILE: &str = "lunora.toml";

/// A valid manifest.
#[derive(Default)]
pub(crate) struct Manifest {
    pub(crate) shard: String,
    pub(crate) registry: Option<String>,
    pub(crate) jurisdiction: Option<Jurisdiction>,
    pub(crate) admin: bool,
    pub(crate) open: bool,
    pub(crate) scheduled: bool,
    pub(crate) operator_page: bool,
    pub(crate) identity: Option<syn::Path>,
    pub(crate) authorize_shard: Option<syn::Path>,
    pub(crate) authorize_fan_out: Option<syn::Path>,
    pub(crate) routes: Option<syn::Path>,
    pub(crate) tables: Vec<Table>,
    pub(crate) functions: Vec<Function>,
    pub(crate) crons: Vec<Cron>,
    pub(crate) storage: Option<String>,
    pub(crate) sessions: Option<Sessions>,
    pub(crate) globals: Option<Globals>,
    pub(crate) backup: Option<Backup>,
    /// The needs of wrangler's configuration, each with its line.
    pub(crate) expected: Expected,
}

pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) document: syn::Path,
    pub(crate) shard_by: Option<String>,
    pub(crate) soft_delete: bool,
    pub(crate) indexes: Vec<(String, Vec<String>)>,
}

pub(crate) struct Function {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) internal: bool,
    pub(crate) run: syn::Path,
    /// The route over plain HTTP, and how its answers are cached.
    pub(crate) rest: Option<(String, Option<String>)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Query,
    Mutation,
    Action,
    Stream,
}

/// The jurisdiction of the objects of a class.
#[derive(Clone, Copy)]
pub(crate) enum Jurisdiction {
    Eu,
    Us,
    FedRamp,
}

impl Jurisdiction {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "eu" => Self::Eu,
            "us" => Self::Us,
            "fedramp" => Self::FedRamp,
            _ => return None,
        })
    }

    /// Returns the variant that `shard!` takes.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Self::Eu => "Eu",
            Self::Us => "Us",
            Self::FedRamp => "FedRamp",
        }
    }
}

pub(crate) struct Cron {
    pub(crate) name: String,
    pub(crate) cron: String,
    pub(crate) function: String,
    pub(crate) shard_key: Option<String>,
    pub(crate) each_shard_of: Option<String>,
    pub(crate) args: Option<String>,
}

/// Sign-in by codes.
pub(crate) struct Sessions {
    /// The binding of the database.
    pub(crate) database: String,
    /// The function that sends a code.
    pub(crate) send_code: syn::Path,
}

/// Tables outside of shards.
pub(crate) struct Globals {
    /// The binding of the database.
    pub(crate) database: String,
    /// The constants of its tables of documents.
    pub(crate) documents: Vec<syn::Path>,
}

pub(crate) struct Backup {
    pub(crate) bucket: String,
    pub(crate) cron: String,
    pub(crate) retain: Option<u32>,
    pub(crate) prefix: Option<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) allow_empty_registry: bool,
    pub(crate) page_rows: Option<u32>,
    pub(crate) resume: Option<String>,
    pub(crate) drill: Option<String>,
    pub(crate) drill_shards: Option<u32>,
}

impl Manifest {
    /// Reads the text of a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = format!("invalid TOML: {}", error.message());
            reader.problem(at, message, "fix the syntax");
        }
        if !errors.is_empty() {
            return Err(reader.into_problems());
        }
        let root = Section::new("", root.get_ref(), 0);
        let manifest = Self::read(&root, &mut reader);
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(manifest) } else { Err(problems) }
    }

    fn read(root: &Section<'_>, reader: &mut Reader<'_>) -> Self {
        reader.only(
            root,
            &[
                "shard",
                "registry",
                "jurisdiction",
                "admin",
                "open",
                "scheduled",
                "operator_page",
                "identity",
                "authorize_shard",
                "authorize_fan_out",
                "routes",
                "tables",
                "functions",
                "crons",
                "storage",
                "sessions",
                "globals",
                "backup",
            ],
        );
        let mut manifest = Self {
            shard: reader.required_text(root, "shard", "\"SHARD\"").unwrap_or_default(),
            registry: reader.text(root, "registry"),
            jurisdiction: read_jurisdiction(root, reader),
            admin: reader.flag(root, "admin"),
            open: reader.flag(root, "open"),
            scheduled: reader.flag(root, "scheduled"),
            operator_page: reader.flag(root, "operator_page"),
            identity: reader.path(root, "identity"),
            authorize_shard: reader.path(root, "authorize_shard"),
            authorize_fan_out: reader.path(root, "authorize_fan_out"),
            routes: reader.path(root, "routes"),
            ..Self::default()
        };
        manifest.objects(root, reader);
        for (name, table) in reader.sections(root, "tables") {
            manifest.table(&name, &table, reader);
        }
        for (path, function) in reader.sections(root, "functions") {
            manifest.functions.extend(read_function(&path, &function, reader));
        }
        if manifest.functions.is_empty() && root.get("functions").is_none() {
            let fix = "add one: `[functions.\"notes:list\"]` with `kind = \"query\"`";
            reader.problem(0, "no functions are declared", fix);
        }
        for cron in reader.list(root, "crons") {
            manifest.cron(&cron, reader);
        }
        manifest.sessions(root, reader);
        manifest.globals(root, reader);
        manifest.stores(root, reader);
        manifest.requirements(root, reader);
        manifest
    }

    fn objects(&mut self, root: &Section<'_>, reader: &Reader<'_>) {
        let names = [("shard", Some(&self.shard)), ("registry", self.registry.as_ref())];
        for (key, name) in names {
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                let need = Need::Binding(BindingKind::DurableObject, name.clone());
                self.expected.add(need, reader.place(root.at(key)));
            }
        }
    }

    fn cron(&mut self, section: &Section<'_>, reader: &mut Reader<'_>) {
        reader.only(section, &["name", "cron", "function", "shard_key", "each_shard_of", "args"]);
        let name = reader.required_text(section, "name", "\"sweep\"");
        let cron = reader.required_text(section, "cron", "\"0 * * * *\"");
        let function = reader.required_text(section, "function", "\"notes:sweep\"");
        let (shard_key, args) = (reader.text(section, "shard_key"), reader.json(section, "args"));
        let each_shard_of = reader.text(section, "each_shard_of");
        if let Some(table) = &each_shard_of {
            let at = section.at("each_shard_of");
            if shard_key.is_some() {
                let message = "`each_shard_of` and `shard_key` exclude each other";
                reader.problem(at, message, "drop one of them");
            }
            if self.registry.is_none() {
                let message = "`each_shard_of` requires `registry`";
                reader.problem(at, message, "add `registry = \"SHARD_REGISTRY\"`");
            }
            if !self.tables.iter().any(|known| known.name == *table) {
                let message =
                    format!("a cron runs on each shard of the undeclared table `{table}`");
                let fix = format!("add `[tables.{table}]` or name a declared table");
                reader.problem(at, message, fix);
            }
        }
        let (Some(name), Some(cron), Some(function)) = (name, cron, function) else { return };
        if self.crons.iter().any(|other| other.name == name) {
            let message = format!("duplicate cron name `{name}`");
            reader.problem(section.at("name"), message, "give each cron its own name");
        }
        if !self.functions.iter().any(|known| known.path == function) {
            let message = format!("the cron `{name}` calls the undeclared function `{function}`");
            let fix = format!("add `[functions.{function:?}]` or call a declared function");
            reader.problem(section.at("function"), message, fix);
        }
        self.expected.add(Need::Cron(cron.clone()), reader.place(section.at("cron")));
        self.crons.push(Cron { name, cron, function, shard_key, each_shard_of, args });
    }

    fn sessions(&mut self, root: &Section<'_>, reader: &mut Reader<'_>) {
        let Some(section) = reader.section(root, "sessions") else { return };
        reader.only(&section, &["database", "send_code"]);
        let database = reader.required_text(&section, "database", "\"DB\"");
        let send_code = reader.required_path(&section, "send_code", "\"mail::send\"");
        let (Some(database), Some(send_code)) = (database, send_code) else { return };
        let need = Need::Binding(BindingKind::D1, database.clone());
        self.expected.add(need, reader.place(section.at("database")));
        self.sessions = Some(Sessions { database, send_code });
    }

    fn globals(&mut self, root: &Section<'_>, reader: &mut Reader<'_>) {
        let Some(section) = reader.section(root, "globals") else { return };
        reader.only(&section, &["database", "documents"]);
        let database = reader.required_text(&section, "database", "\"DB\"");
        let documents = reader.paths(&section, "documents");
        let Some(database) = database else { return };
        let need = Need::Binding(BindingKind::D1, database.clone());
        self.expected.add(need, reader.place(section.at("database")));
        self.globals = Some(Globals { database, documents });
    }

    fn stores(&mut self, root: &Section<'_>, reader: &mut Reader<'_>) {
        if let Some(bucket) = reader.text(root, "storage") {
            let need = Need::Binding(BindingKind::Bucket, bucket.clone());
            self.expected.add(need, reader.place(root.at("storage")));
            self.storage = Some(bucket);
        }
        let Some(section) = reader.section(root, "backup") else { return };
        let known = [
            "bucket",
            "cron",
            "retain",
            "prefix",
            "tables",
            "allow_empty_registry",
            "page_rows",
            "resume",
            "drill",
            "drill_shards",
        ];
        reader.only(&section, &known);
        let bucket = reader.required_text(&section, "bucket", "\"BACKUPS\"");
        let cron = reader.required_text(&section, "cron", "\"0 3 * * *\"");
        let retain = reader.at_least_one(&section, "retain");
        let prefix = reader.text(&section, "prefix");
        let tables = self.backed_up(&section, reader);
        let allow_empty_registry = reader.flag(&section, "allow_empty_registry");
        let page_rows = reader.at_least_one(&section, "page_rows");
        let resume = reader.text(&section, "resume");
        let drill = reader.text(&section, "drill");
        let drill_shards = reader.at_least_one(&section, "drill_shards");
        if drill_shards.is_some() && section.get("drill").is_none() {
            let fix = "add `drill = \"0 5 * * SUN\"` or drop `drill_shards`";
            reader.problem(section.at("drill_shards"), "`drill_shards` requires `drill`", fix);
        }
        let (Some(bucket), Some(cron)) = (bucket, cron) else { return };
        let need = Need::Binding(BindingKind::Bucket, bucket.clone());
        self.expected.add(need, reader.place(section.at("bucket")));
        self.expected.add(Need::Cron(cron.clone()), reader.place(section.at("cron")));
        for (key, cron) in [("resume", &resume), ("drill", &drill)] {
            if let Some(cron) = cron {
                self.expected.add(Need::Cron(cron.clone()), reader.place(section.at(key)));
            }
        }
        self.backup = Some(Backup {
            bucket,
            cron,
            retain,
            prefix,
            tables,
            allow_empty_registry,
            page_rows,
            resume,
            drill,
            drill_shards,
        });
    }

    /// Reads the tables to back up; empty for every table.
    fn backed_up(&self, section: &Section<'_>, reader: &mut Reader<'_>) -> Vec<String> {
        let names = reader.texts(section, "tables");
        for name in &names {
            if !self.tables.iter().any(|table| table.name == *name) {
                let message = format!("the backup names the undeclared table `{name}`");
                let fix = format!("add `[tables.{name}]` or name a declared table");
                reader.problem(section.at("tables"), message, fix);
            }
        }
        names
    }

    /// Adds a table, which is a constant of the entry by its name in capitals.
    fn table(&mut self, name: &str, section: &Section<'_>, reader: &mut Reader<'_>) {
        let Some(table) = read_table(name, section, reader) else { return };
        let constant = table.constant();
        if let Some(other) = self.tables.iter().find(|other| other.constant() == constant) {
            let other = &other.name;
            let message =
                format!("the tables `{other}` and `{name}` have the same constant `{constant}`");
            reader.problem(section.start, message, "rename one of them");
        }
        self.tables.push(table);
    }

    /// Checks the requirements between keys, as the builder does.
    fn requirements(&self, root: &Section<'_>, reader: &mut Reader<'_>) {
        let registry = "add `registry = \"SHARD_REGISTRY\"`";
        let (backup, fan_out) = (root.get("backup").is_some(), self.authorize_fan_out.is_some());
        let page = self.operator_page;
        for (is_unmet, key, message, fix) in [
            (
                page && !self.admin,
                "operator_page",
                "`operator_page` requires `admin`",
                "add `admin = true`: the page asks for the admin token",
            ),
            (
                page && self.registry.is_none(),
                "operator_page",
                "`operator_page` requires `registry`",
                registry,
            ),
            (
                backup && !self.admin,
                "backup",
                "`backup` requires `admin`",
                "add `admin = true`: shards check the admin token",
            ),
            (backup && self.registry.is_none(), "backup", "`backup` requires `registry`", registry),
            (
                fan_out && self.registry.is_none(),
                "authorize_fan_out",
                "`authorize_fan_out` requires `registry`",
                registry,
            ),
            (
                self.open && self.authorize_shard.is_some(),
                "open",
                "`open` and `authorize_shard` exclude each other",
                "drop one of them",
            ),
        ] {
            if is_unmet {
                reader.problem(root.at(key), message, fix);
            }
        }
    }

    /// Returns the place of the binding that the shard's class is found by.
    pub(crate) fn place_of(&self, binding: &str) -> Place {
        let need = Need::Binding(BindingKind::DurableObject, binding.into());
        let found = self.expected.needs.iter().find(|(known, _)| *known == need);
        found.map_or(Place { file: FILE.into(), line: 1 }, |(_, place)| place.clone())
    }
}

impl Table {
    /// Returns the name of its constant: `CHAT_ROOMS` for `chatRooms`.
    pub(crate) fn constant(&self) -> String {
        let mut name = String::new();
        for char in self.name.chars() {
            if char.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            name.push(char.to_ascii_uppercase());
        }
        name
    }
}

fn read_jurisdiction(root: &Section<'_>, reader: &mut Reader<'_>) -> Option<Jurisdiction> {
    let name = reader.text(root, "jurisdiction")?;
    let found = Jurisdiction::of_name(&name);
    if found.is_none() {
        let message = format!("unknown jurisdiction `{name}`");
        reader.problem(root.at("jurisdiction"), message, "expected `eu`, `us` or `fedramp`");
    }
    found
}

fn read_table(name: &str, section: &Section<'_>, reader: &mut Reader<'_>) -> Option<Table> {
    reader.only(section, &["document", "shard_by", "soft_delete", "indexes"]);
    if !is_name(name) {
        let message = format!("invalid table name `{name}`");
        reader.problem(
            section.start,
            message,
            "expected letters, digits and `_`, with a letter first",
        );
    }
    let document = reader.required_path(section, "document", "\"notes::Note\"");
    let mut indexes = Vec::new();
    if let Some(list) = reader.section(section, "indexes") {
        for key in list.keys() {
            indexes.push((key.to_owned(), reader.texts(&list, key)));
        }
    }
    indexes.sort();
    Some(Table {
        name: name.into(),
        shard_by: reader.text(section, "shard_by"),
        soft_delete: reader.flag(section, "soft_delete"),
        indexes,
        document: document?,
    })
}

fn read_function(path: &str, section: &Section<'_>, reader: &mut Reader<'_>) -> Option<Function> {
    reader.only(section, &["kind", "internal", "run", "rest", "cache"]);
    let default = path.replace(':', "::");
    let is_path = path.split(':').count() == 2 && syn::parse_str::<syn::Path>(&default).is_ok();
    if !is_path {
        let message = format!("invalid function path `{path}`");
        reader.problem(section.start, message, "expected the form `namespace:name`");
    }
    let kind = match reader.required_text(section, "kind", "\"query\"").as_deref() {
        Some("query") => Some(Kind::Query),
        Some("mutation") => Some(Kind::Mutation),
        Some("action") => Some(Kind::Action),
        Some("stream") => Some(Kind::Stream),
        Some(other) => {
            let message = format!("unknown function kind `{other}`");
            reader.problem(
                section.at("kind"),
                message,
                "expected `query`, `mutation`, `action` or `stream`",
            );
            None
        }
        None => None,
    };
    let internal = reader.flag(section, "internal");
    if internal && matches!(kind, Some(Kind::Stream)) {
        let fix = "drop `internal`: only clients open streams";
        reader.problem(section.at("internal"), "a stream cannot be internal", fix);
    }
    let cache = reader.text(section, "cache");
    let rest = reader.text(section, "rest").map(|route| (route, cache));
    if rest.is_none() && section.get("cache").is_some() {
        let fix = "add `rest = \"GET /notes\"` or drop `cache`";
        reader.problem(section.at("cache"), "`cache` requires `rest`", fix);
    }
    let run = match reader.path(section, "run") {
        Some(run) => Some(run),
        None if is_path => syn::parse_str(&default).ok(),
        None => None,
    };
    Some(Function { path: path.into(), kind: kind?, internal, run: run?, rest })
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
