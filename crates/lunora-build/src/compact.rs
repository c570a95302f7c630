//! Makes JavaScript shorter, since the runtime reads all of it whenever a Worker starts.

use std::{fs, io, path::Path};

/// Compacts the JavaScript of wasm-bindgen, of this crate and of the library, in place. That of others may
/// have literals that [`compact`] does not see.
pub(crate) fn output(dir: &Path) -> io::Result<()> {
    for name in ["index.js", "contain.js"] {
        file(&dir.join(name))?;
    }
    let snippets = dir.join("snippets");
    if !snippets.exists() {
        return Ok(());
    }
    for snippets in fs::read_dir(snippets)? {
        let snippets = snippets?;
        if snippets.file_name().to_str().is_some_and(is_of_the_library) {
            folder(&snippets.path())?;
        }
    }
    Ok(())
}

/// Returns whether a folder of snippets, which wasm-bindgen names by crate and hash, is of the library.
fn is_of_the_library(name: &str) -> bool {
    let hash = name.strip_prefix("lunora-");
    hash.is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn folder(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            folder(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "js") {
            file(&path)?;
        }
    }
    Ok(())
}

fn file(path: &Path) -> io::Result<()> {
    fs::write(path, compact(&fs::read_to_string(path)?))
}

/// Drops indentation, empty lines and lines that are comments. Text where a literal may span lines is
/// returned unchanged.
fn compact(js: &str) -> String {
    let mut kept = String::with_capacity(js.len());
    let mut in_comment = false;
    for line in js.lines() {
        let mut line = line.trim();
        if in_comment || line.starts_with("/*") {
            let text = if in_comment { line } else { &line[2..] };
            let end = text.split_once("*/");
            in_comment = end.is_none();
            line = end.map_or("", |(_, rest)| rest.trim());
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line.ends_with('\\') || line.matches('`').count() % 2 == 1 {
            return js.to_owned();
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_indentation_and_lines_of_comments() {
        let js = "/** One. */\nfunction f() {\n    // Two: `.\n    /*\n     * Three.\n     */\n\n    return 'a // b';  // four\n}\n";
        assert_eq!(compact(js), "function f() {\nreturn 'a // b';  // four\n}\n");
        assert_eq!(compact("/* a */ f();\n/* b\n */ g();\n"), "f();\ng();\n");
    }

    #[test]
    fn leaves_snippets_of_others() {
        assert!(is_of_the_library("lunora-c19a27ec3e44a5d9"));
        assert!(!is_of_the_library("lunora-client-c19a27ec3e44a5d9"));
        assert!(!is_of_the_library("worker-64cc4b2d035528c7"));
    }

    #[test]
    fn keeps_text_whose_literals_may_span_lines() {
        for js in ["f(`a\n    // b\n`);\n", "f('a\\\n    b');\n"] {
            assert_eq!(compact(js), js);
        }
    }
}
