//! The entry of a Worker, written for its manifest.

use std::{fs, path::Path};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::{
    Place, Problem,
    manifest::{self, Backup, Cron, Globals, Kind, Manifest, Sessions, Table},
    wrangler::{self, Wrangler},
};

/// The path of the entry, in the folder of the crate.
pub const OUTPUT: &str = "src/server/index.rs";

/// Returns the entry for the text of a `lunora.toml` and of a `wrangler.jsonc`. Its header names
/// `command` as the one that writes it again.
///
/// The same texts give the same entry. The entry is parsed as Rust before it is returned.
///
/// # Errors
/// Returns every problem of the manifest, each with its line; for a valid manifest, every need of it
/// that `wrangler.jsonc` does not meet.
pub fn generate(manifest: &str, wrangler: &str, command: &str) -> Result<String, Vec<Problem>> {
    generate_beside(manifest, wrangler::FILE, wrangler, command)
}

/// Generates the entry with the text of a configuration of this name.
fn generate_beside(
    manifest: &str,
    file: &str,
    wrangler: &str,
    command: &str,
) -> Result<String, Vec<Problem>> {
    let manifest = Manifest::parse(manifest)?;
    let problems =
        wrangler::check_file(file, wrangler, &manifest.expected).err().unwrap_or_default();
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    let file = Wrangler::parse(file, wrangler).map_err(|problem| vec![problem])?;
    let shard = class(&manifest, &file, &manifest.shard)?;
    let registry =
        manifest.registry.as_deref().map(|name| class(&manifest, &file, name)).transpose()?;

    let mut text = header(file.file(), command);
    text.push_str(&formatted(items(&manifest, &shard))?);
    text.push('\n');
    text.push_str(&shard_macro(&manifest, &shard));
    if let Some(registry) = registry {
        text.push('\n');
        text.push_str(&registry_macro(&registry));
    }
    syn::parse_file(&text).map_err(|error| not_rust(&error))?;
    Ok(text)
}

/// Generates the entry as [`generate`] does, for the files of the crate in `dir`.
///
/// # Errors
/// As [`generate`], and if a file cannot be read.
pub fn generate_crate(dir: &Path, command: &str) -> Result<String, Vec<Problem>> {
    let file = wrangler::file_of(dir);
    match (wrangler::read(dir, manifest::FILE), wrangler::read(dir, file)) {
        (Ok(manifest), Ok(wrangler)) => generate_beside(&manifest, file, &wrangler, command),
        (one, other) => Err([one.err(), other.err()].into_iter().flatten().collect()),
    }
}

/// Writes the entry of the crate in `dir`, and returns whether it changed.
///
/// # Errors
/// As [`generate_crate`], and if the entry cannot be written. Nothing is written then.
pub fn write_crate(dir: &Path, command: &str) -> Result<bool, Vec<Problem>> {
    let text = generate_crate(dir, command)?;
    let path = dir.join(OUTPUT);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(&path, text)).map_err(|error| {
        let place = Place { file: OUTPUT.into(), line: 1 };
        vec![Problem::new(place, format!("cannot write the file: {error}"), "make it writable")]
    })?;
    Ok(true)
}

/// Checks that the entry of the crate in `dir` is up to date.
///
/// # Errors
/// As [`generate_crate`], and one problem if the entry differs.
pub fn check_crate(dir: &Path, command: &str) -> Result<(), Vec<Problem>> {
    let text = generate_crate(dir, command)?;
    let old = fs::read_to_string(dir.join(OUTPUT)).unwrap_or_default();
    let Some(place) = Place::of_difference(OUTPUT, &old, &text) else { return Ok(()) };
    let message = format!("the entry does not match {}", manifest::FILE);
    Err(vec![Problem::new(place, message, format!("run `{command}`"))])
}

/// Checks the entry as [`check_crate`] does, with the command that the entry itself names.
///
/// # Errors
/// As [`check_crate`].
pub fn check_written(dir: &Path) -> Result<(), Vec<Problem>> {
    let text = fs::read_to_string(dir.join(OUTPUT)).unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix(AGAIN)?.strip_suffix('`'));
    check_crate(dir, named.unwrap_or("lunora codegen"))
}

/// The text before the command.
const AGAIN: &str = "//! To write it again: `";

fn header(wrangler: &str, command: &str) -> String {
    format!(
        "//! Generated from {} and {wrangler}; changes here are lost.\n//!\n{AGAIN}{command}`\n\n",
        manifest::FILE,
    )
}

/// Returns everything except the shard and the registry, which are separate macros.
fn items(manifest: &Manifest, shard: &syn::Ident) -> TokenStream {
    let tables: Vec<TokenStream> = manifest.tables.iter().map(table).collect();
    let shard_imports = (!tables.is_empty()).then(|| {
        quote!(
            use lunora::shard::{Table, table};
        )
    });
    let by_class = manifest.backup.is_some() || manifest.jurisdiction.is_some();
    let has_rest = exposed(manifest).next().is_some();
    let shard_class = (manifest.admin || by_class || has_rest).then(|| {
        quote!(
            use lunora::shard::ShardClass;
        )
    });
    let (binding, setters) = (&manifest.shard, setters(manifest, shard));
    let namespace = quote!(env.durable_object(#binding)?);
    // The class says whether its shards announce themselves, and their jurisdiction.
    let shards = if by_class { quote!(#shard::shards(#namespace)) } else { namespace };
    quote! {
        use lunora::prelude::*;
        #shard_class
        #shard_imports

        #(#tables)*

        /// Builds the application, once per isolate.
        ///
        /// # Errors
        /// Returns an error if a binding or a secret is missing.
        pub fn app(env: &Env) -> Result<Lunora, LunoraError> {
            Ok(Lunora::builder().shard_do(#shards) #setters .build())
        }

        lunora::serve!(app);
    }
}

fn table(table: &Table) -> TokenStream {
    let constant = format_ident!("{}", table.constant());
    let (name, document) = (&table.name, &table.document);
    let indexes = table.indexes.iter().map(|(name, fields)| quote!(.index(#name, &[#(#fields),*])));
    let shard_by = table.shard_by.as_ref().map(|field| quote!(.shard_by(#field)));
    let soft_delete = table.soft_delete.then(|| quote!(.soft_delete()));
    let doc = format!(" The table `{name}`.");
    quote! {
        #[doc = #doc]
        pub const #constant: Table<crate::#document> =
            table!(#name) #(#indexes)* #shard_by #soft_delete;
    }
}

fn setters(manifest: &Manifest, shard: &syn::Ident) -> TokenStream {
    let mut calls = TokenStream::new();
    if let Some(identity) = &manifest.identity {
        calls.extend(quote!(.resolve_identity(crate::#identity)));
    }
    if let Some(Sessions { database, send_code }) = &manifest.sessions {
        calls.extend(quote! {
            .sessions(
                lunora::sessions::Sessions::new(
                    env.d1(#database)?,
                    lunora::sessions::SessionSecret::from_env(env)?,
                )
                .send_code(crate::#send_code),
            )
        });
    }
    if let Some(Globals { database, documents }) = &manifest.globals {
        calls.extend(if documents.is_empty() {
            quote!(.global_tables(env.d1(#database)?))
        } else {
            quote! {
                .global_tables(
                    lunora::globals::DocumentTables::new(env.d1(#database)?)
                        #(.with(crate::#documents))*,
                )
            }
        });
    }
    if let Some(gate) = &manifest.authorize_shard {
        calls.extend(quote!(.authorize_shard(crate::#gate)));
    }
    if manifest.open {
        calls.extend(quote!(.allow_unauthenticated_shard_access()));
    }
    if let Some(registry) = &manifest.registry {
        calls.extend(quote! {
            .query_coordinator(QueryCoordinator::new(
                DurableShardRegistry::new(env.durable_object(#registry)?),
            ))
        });
    }
    if let Some(gate) = &manifest.authorize_fan_out {
        calls.extend(quote!(.authorize_fan_out(crate::#gate)));
    }
    if let Some(routes) = &manifest.routes {
        calls.extend(quote!(.routes(crate::#routes())));
    }
    if manifest.admin {
        calls.extend(quote! {
            .admin_token(AdminToken::from_env(env)?)
            .functions(#shard::definition())
        });
    }
    if exposed(manifest).next().is_some() {
        calls.extend(quote!(.rest(#shard::definition())));
    }
    if manifest.operator_page {
        calls.extend(quote!(.operator_page()));
    }
    calls.extend(manifest.crons.iter().map(cron));
    if let Some(bucket) = &manifest.storage {
        calls
            .extend(quote!(.storage(lunora::operate::Storage::new(#bucket, env.bucket(#bucket)?))));
    }
    calls.extend(manifest.backup.as_ref().map(backup));
    calls
}

fn cron(job: &Cron) -> TokenStream {
    let Cron { name, cron, function, .. } = job;
    let args = job.args.as_ref().and_then(|json| json.parse::<TokenStream>().ok());
    let args = args.map(|args| quote!(.with_args(&serde_json::json!(#args))?));
    let key = job.shard_key.as_ref();
    let key = key.map(|key| quote!(.with_shard_key(ShardKey::new(#key)?)));
    let each = job.each_shard_of.as_ref().map(|table| quote!(.on_each_shard_of(#table)));
    quote!(.cron_job(CronJob::function(#name, cron!(#cron), #function) #args #key #each))
}

fn backup(backup: &Backup) -> TokenStream {
    let Backup { bucket, cron, .. } = backup;
    let retain = backup.retain.map(proc_macro2::Literal::u32_unsuffixed);
    let retain = retain.map(|retain| quote!(.retain(keep!(#retain))));
    let prefix = backup.prefix.as_ref().map(|prefix| quote!(.prefix(#prefix)));
    let names = &backup.tables;
    let tables = (!names.is_empty()).then(|| quote!(.tables([#(#names),*])));
    let allow_empty = backup.allow_empty_registry.then(|| quote!(.allow_empty_registry(true)));
    let page_rows = backup.page_rows.map(proc_macro2::Literal::u32_unsuffixed);
    let page_rows = page_rows.map(|rows| quote!(.page_rows(#rows)));
    let resume = backup.resume.as_ref().map(|cron| quote!(.resume(cron!(#cron))));
    let drill = backup.drill.as_ref().map(|cron| quote!(.drill(cron!(#cron))));
    let drill_shards = backup.drill_shards.map(proc_macro2::Literal::u32_unsuffixed);
    let drill_shards = drill_shards.map(|shards| quote!(.drill_shards(#shards)));
    quote! {
        .backup(
            BackupConfig::builder().store(env.bucket(#bucket)?).cron(cron!(#cron)) #retain #prefix
                #tables #allow_empty #page_rows #resume #drill #drill_shards .build(),
        )
    }
}

/// Writes `shard!` as text: no formatter knows its grammar.
fn shard_macro(manifest: &Manifest, shard: &syn::Ident) -> String {
    let mut tables: Vec<String> = manifest.tables.iter().map(Table::constant).collect();
    if manifest.scheduled {
        tables.push("lunora::shard::SCHEDULED".to_owned());
    }
    let mut text = format!(
        "lunora::shard! {{\n    /// The shards of this application.\n    pub struct {shard};\n"
    );
    if !tables.is_empty() {
        text.push_str(&format!("    tables: [{}],\n", tables.join(", ")));
    }
    text.push_str("    functions: {\n");
    for function in &manifest.functions {
        let kind = match function.kind {
            Kind::Query => "query",
            Kind::Mutation => "mutation",
            Kind::Action => "action",
            Kind::Stream => "stream",
        };
        let internal = if function.internal { "internal " } else { "" };
        let run = &function.run;
        let run = quote!(crate::#run).to_string().replace(' ', "");
        text.push_str(&format!("        {internal}{kind} {:?} => {run},\n", function.path));
    }
    text.push_str("    },\n");
    if let Some(registry) = &manifest.registry {
        text.push_str(&format!("    registry: {registry:?},\n"));
    }
    let rest: Vec<_> = exposed(manifest).collect();
    if !rest.is_empty() {
        text.push_str("    rest: {\n");
        for (path, route, cache) in rest {
            let cache = cache.map(|policy| format!(" cache {policy:?}")).unwrap_or_default();
            text.push_str(&format!("        {route:?} => {path:?}{cache},\n"));
        }
        text.push_str("    },\n");
    }
    if let Some(jurisdiction) = manifest.jurisdiction {
        text.push_str(&format!("    jurisdiction: {},\n", jurisdiction.variant()));
    }
    text.push_str("}\n");
    text
}

/// Returns the functions behind plain HTTP: path, route, and how answers are cached.
fn exposed(manifest: &Manifest) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
    manifest.functions.iter().filter_map(|function| {
        let (route, cache) = function.rest.as_ref()?;
        Some((&*function.path, &**route, cache.as_deref()))
    })
}

fn registry_macro(name: &syn::Ident) -> String {
    format!(
        "lunora::shard_registry! {{\n    /// Lists the shards.\n    \
         pub struct {name};\n}}\n"
    )
}

/// Returns the class that wrangler's configuration has behind a binding, the one place that names it.
fn class(
    manifest: &Manifest,
    file: &Wrangler<'_>,
    binding: &str,
) -> Result<syn::Ident, Vec<Problem>> {
    let classes = file.environments().into_iter().flat_map(|environment| environment.classes());
    let class = classes.into_iter().find(|(name, ..)| *name == binding);
    let problem =
        |message: String, fix: &str| vec![Problem::new(manifest.place_of(binding), message, fix)];
    let Some((_, class, _)) = class else {
        let message = format!("the binding `{binding}` has no class of this Worker");
        return Err(problem(message, &format!("give it a `class_name` in {}", file.file())));
    };
    syn::parse_str(class).map_err(|_| {
        problem(format!("the class `{class}` is not a Rust identifier"), "give it another name")
    })
}

fn formatted(tokens: TokenStream) -> Result<String, Vec<Problem>> {
    let file = syn::parse2(tokens).map_err(|error| not_rust(&error))?;
    // A blank line between items, which the formatter leaves out.
    let text = prettyplease::unparse(&file);
    let mut spaced = String::new();
    for line in text.lines() {
        let begins =
            ["/// ", "lunora::", "#[", "impl "].iter().any(|start| line.starts_with(start));
        let after = spaced.ends_with("}\n") || spaced.ends_with(";\n");
        if begins && after {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
    }
    Ok(spaced)
}

fn not_rust(error: &syn::Error) -> Vec<Problem> {
    let place = Place { file: manifest::FILE.into(), line: 1 };
    let message = format!("the generated entry is not valid Rust: {error}");
    vec![Problem::new(place, message, "report this error with the manifest")]
}
