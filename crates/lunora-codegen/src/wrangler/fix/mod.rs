//! Writes what the code needs into wrangler's configuration.

mod edit;
mod jsonc;
mod plan;
mod toml;

use std::{fmt, fs, path::Path};

use self::edit::{Edit, Item};
use super::{Expected, Wrangler, check_file, file_of, read, value::is_toml};
use crate::{
    Place, Problem,
    manifest::{self, Manifest},
};

/// A configuration after [`fix`] or [`fix_crate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The name of the file.
    pub file: String,
    /// Its new text; the old text if nothing was added.
    pub text: String,
    /// The entries that were added, in the order of the file's lists.
    pub changes: Vec<Change>,
    /// The problems to fix by hand, [warnings](crate::Severity::Warning) included.
    pub left: Vec<Problem>,
}

/// One entry that was added. Its text is one line: the entry, its list, and the values to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The list, such as `env.staging.r2_buckets`.
    pub list: String,
    /// The entry, as JSON.
    pub entry: String,
    /// The keys of the entry whose values no source states, and that were derived.
    pub assumed: Vec<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "added {} to `{}`", self.entry, self.list)?;
        if self.assumed.is_empty() {
            return Ok(());
        }
        write!(f, "; check `{}`, chosen from the binding", self.assumed.join("`, `"))
    }
}

/// Adds to the configuration of the crate in `dir` what its sources and its `lunora.toml` need, as
/// [`fix`] does, and writes the file if that changes it.
///
/// # Errors
/// Returns an error if the file or a source cannot be read, or the file cannot be written. Nothing is
/// written then.
pub fn fix_crate(dir: &Path) -> Result<Fixed, Vec<Problem>> {
    let file = file_of(dir);
    let text = read(dir, file).map_err(|problem| vec![problem])?;
    let mut expected = Expected::of_sources(dir)?;
    let mut named = Vec::new();
    if dir.join(manifest::FILE).exists() {
        let text = read(dir, manifest::FILE).map_err(|problem| vec![problem])?;
        let manifest = Manifest::parse(&text)?;
        named.push(manifest.shard);
        named.extend(manifest.registry);
        for (need, place) in manifest.expected.needs {
            expected.add(need, place);
        }
    }
    let fixed = fixed(file, &text, &expected, &named)?;
    if fixed.text != text {
        fs::write(dir.join(file), &fixed.text).map_err(|error| {
            let place = Place { file: file.into(), line: 1 };
            vec![Problem::new(place, format!("cannot write the file: {error}"), "make it writable")]
        })?;
    }
    Ok(fixed)
}

/// Adds to the text of the configuration in `file` the triggers, bindings and classes that it lacks.
/// The rest of the text stays as it is: comments, order, indentation and trailing commas.
///
/// A value that no source tells, such as the name of a bucket, is derived from the binding, with the
/// name of the environment behind it, and is listed in [`Change::assumed`]. The target of a service or
/// of a workflow and an ambiguous class of a Durable Object are not guessed: they stay in
/// [`Fixed::left`], as do invalid cron expressions and what a top level lacks that has none of the bindings.
///
/// A second fix adds nothing.
///
/// ```
/// use lunora_codegen::{Place, wrangler::{self, BindingKind, Expected, Need}};
///
/// let files = Need::Binding(BindingKind::Bucket, "FILES".into());
/// let expected = Expected::new().with(files, Place { file: "src/lib.rs".into(), line: 3 });
/// let text = "{\n  // A Worker.\n  \"compatibility_date\": \"2026-04-01\"\n}\n";
/// let fixed = wrangler::fix("wrangler.jsonc", text, &expected).unwrap();
/// assert_eq!(
///     fixed.changes[0].to_string(),
///     "added { \"binding\": \"FILES\", \"bucket_name\": \"files\" } to `r2_buckets`; \
///      check `bucket_name`, chosen from the binding",
/// );
/// assert_eq!(wrangler::check(&fixed.text, &expected), Ok(()));
/// ```
///
/// # Errors
/// Returns an error if the text is not in the syntax of the file.
pub fn fix(file: &str, text: &str, expected: &Expected) -> Result<Fixed, Vec<Problem>> {
    fixed(file, text, expected, &[])
}

/// The maximum number of rounds: a binding needs a class, and a class needs a migration.
const ROUNDS: usize = 4;

/// Fixes as [`fix`] does; `named` are the bindings whose classes the entry takes from this file.
fn fixed(
    file: &str,
    text: &str,
    expected: &Expected,
    named: &[String],
) -> Result<Fixed, Vec<Problem>> {
    let (mark, mut text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest.to_owned()),
        None => ("", text.to_owned()),
    };
    let mut changes = Vec::new();
    for _ in 0..ROUNDS {
        let wrangler = Wrangler::parse(file, &text).map_err(|problem| vec![problem])?;
        let edits = plan::edits(&wrangler, expected, named);
        let (new, done) = apply(file, &text, &edits)?;
        if done.is_empty() {
            break;
        }
        changes.extend(done);
        text = new;
    }
    let text = format!("{mark}{text}");
    let left = check_file(file, &text, expected).err().unwrap_or_default();
    Ok(Fixed { file: file.into(), text, changes, left })
}

/// Returns the text with every edit that its shape allows, and those edits.
fn apply(file: &str, text: &str, edits: &[Edit]) -> Result<(String, Vec<Change>), Vec<Problem>> {
    let cannot = |error: String| {
        let place = Place { file: file.into(), line: 1 };
        vec![Problem::new(place, format!("cannot edit the file: {error}"), "fix the syntax")]
    };
    let mut done = Vec::new();
    let mut note = |edit: &Edit, is_done: bool| {
        if is_done {
            done.push(edit.change());
        }
    };
    let new = if is_toml(file) {
        toml::apply(text, edits, &mut note).map_err(cannot)?
    } else {
        jsonc::apply(text, edits, &mut note).map_err(cannot)?
    };
    Ok((new, done))
}
