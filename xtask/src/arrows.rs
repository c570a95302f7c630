//! The arrows between modules of the library: what each may use, and that no files use each other
//! in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

use crate::{shell::root, sources};

/// Files that may use each other: the doubles of the platform.
const MAY_CIRCLE: &str = "platform::memory";

/// The table of `ARCHITECTURE.md` says what a module may use, and stands in the order of the layers:
/// a module uses only what stands below it.
#[test]
fn each_module_uses_what_the_table_of_modules_allows() -> Result<()> {
    let table = Table::read()?;
    let mut problems = BTreeSet::new();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, used) in uses()? {
        let from = top(&file).to_owned();
        for target in used {
            let to = top(&target).to_owned();
            if from == to {
                continue;
            }
            if !table.allows(&from, &to) {
                problems.insert(format!("{file} uses {target}, and `{from}` may not use `{to}`"));
            }
            arrows.entry(from.clone()).or_default().insert(to);
        }
    }
    for (module, allowed) in &table.listed {
        let used = arrows.get(module).cloned().unwrap_or_default();
        for idle in allowed.difference(&used) {
            problems.insert(format!("`{module}` may use `{idle}`, and does not"));
        }
    }
    assert!(arrows.len() > 10, "the sources were not read");
    assert!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

#[test]
fn no_files_use_each_other_in_a_circle() -> Result<()> {
    let mut uses = uses()?;
    for (file, used) in &mut uses {
        // A module names its own children to re-export them.
        let children = format!("{file}::");
        used.retain(|target| !target.starts_with(&children) && !target.starts_with(MAY_CIRCLE));
    }
    let circles: Vec<_> = uses.keys().filter(|file| reaches(&uses, file, file)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
    Ok(())
}

#[test]
fn no_file_of_the_library_is_long() -> Result<()> {
    const MAX_LINES: usize = 425;

    let mut long = Vec::new();
    for (file, text) in sources::read(&["src/*.rs"])? {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            long.push(format!("{file}: {lines} lines; cut it by concept"));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
    Ok(())
}

/// The files that each file uses, by their module paths.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn reaches(uses: &Uses, from: &str, to: &str) -> bool {
    let (mut seen, mut due) = (BTreeSet::new(), vec![from]);
    while let Some(file) = due.pop() {
        for next in uses.get(file).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                due.push(next);
            }
        }
    }
    false
}

/// Returns the module directly below the root, such as `wire` of `wire::value::encode`.
fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// The table of modules in `ARCHITECTURE.md`.
struct Table {
    /// The modules, from the top layer to the lowest.
    order: Vec<String>,
    /// What each module may use; a module that may use everything below it is not in here.
    listed: BTreeMap<String, BTreeSet<String>>,
}

impl Table {
    fn read() -> Result<Self> {
        let text = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
        let rows = text.split("| module | contents | may use |").nth(1).context("the table")?;
        let mut table = Self { order: Vec::new(), listed: BTreeMap::new() };
        for row in rows.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let path = cells[0].split('`').nth(1).context("a path")?;
            let name = path.trim_start_matches("src/").trim_end_matches('/');
            let name = name.trim_end_matches(".rs").to_owned();
            table.order.push(name.clone());
            if cells[2] != "everything below" {
                let allowed = cells[2].split(", ").filter(|name| *name != "–").map(str::to_owned);
                table.listed.insert(name, allowed.collect());
            }
        }
        Ok(table)
    }

    fn allows(&self, from: &str, to: &str) -> bool {
        let place = |name: &str| self.order.iter().position(|module| module == name);
        let (Some(above), Some(below)) = (place(from), place(to)) else { return false };
        above < below && self.listed.get(from).is_none_or(|allowed| allowed.contains(to))
    }
}

/// Reads what every file of the library uses, without its tests.
fn uses() -> Result<Uses> {
    let files = sources::read(&["src/*.rs"])?.into_iter();
    let is_test = |file: &str| file.ends_with("/tests.rs") || file.contains("/tests/");
    let texts: BTreeMap<_, _> = files
        .filter(|(file, _)| !is_test(file))
        .map(|(file, text)| (module_of(&file), text))
        .collect();
    let modules: BTreeSet<_> = texts.keys().cloned().collect();
    Ok(texts
        .into_iter()
        .map(|(module, text)| {
            let paths = paths_of(&code_of(&text));
            let used = paths.iter().filter_map(|path| target(&module, path, &modules));
            let used = used.filter(|target| *target != module && target != "lib").collect();
            (module, used)
        })
        .collect())
}

fn module_of(file: &str) -> String {
    let path = Path::new(file).with_extension("");
    let path = if path.ends_with("mod") { path.parent().unwrap_or(&path) } else { &path };
    let parts = path.iter().skip(1).map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("::")
}

/// Returns a file's text without comments and without its module of tests.
fn code_of(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    let text = text.split("\n#[cfg(test)]\n#[allow(").next().unwrap_or(text);
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns every path of the crate that the code names, in `use` and elsewhere.
fn paths_of(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut paths = Vec::new();
    for start in 0..tokens.len() {
        let begins = matches!(tokens[start], "crate" | "super" | "self")
            && tokens.get(start + 1) == Some(&"::")
            && (start == 0 || !matches!(tokens[start - 1], "::" | "$" | "{" | ","));
        if begins {
            read_tree(&tokens, start, &[], &mut paths);
        }
    }
    paths
}

/// Reads a path or a tree of paths from `at` on, and returns where it ends.
fn read_tree(
    tokens: &[&str],
    mut at: usize,
    prefix: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).copied() {
            Some("{") if path.len() > prefix.len() || at == 0 => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    let end = read_tree(tokens, at, &path, paths);
                    at = end.max(at + 1);
                    if tokens.get(at) == Some(&",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some("::") => at += 1,
            Some(word)
                if is_word(word) && (path.len() == prefix.len() || tokens[at - 1] == "::") =>
            {
                path.push(word.to_owned());
                at += 1;
            }
            _ => {
                paths.push(path);
                return at;
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphanumeric() || first == '_')
}

fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let length = match (word, rest.starts_with("::")) {
            (0, true) => 2,
            (0, false) => first.len_utf8(),
            (length, _) => length,
        };
        let (token, after) = rest.split_at(length);
        if !token.trim().is_empty() {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

/// Returns the file that `path` leads to, seen from `module`.
fn target(module: &str, path: &[String], modules: &BTreeSet<String>) -> Option<String> {
    let mut from: Vec<&str> = module.split("::").filter(|part| *part != "lib").collect();
    let mut parts = path.iter().map(String::as_str).peekable();
    match parts.next()? {
        "crate" => from.clear(),
        "super" => {
            from.pop();
            while parts.next_if_eq(&"super").is_some() {
                from.pop();
            }
        }
        _ => {}
    }
    from.extend(parts);
    (1..=from.len()).rev().map(|length| from[..length].join("::")).find(|it| modules.contains(it))
}
