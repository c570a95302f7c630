//! The committed inputs of each target: `corpus/<target>/`, one input per file.
//!
//! A file `seeds` has one input per line, with Rust's escapes; every other file is one input as it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

const SEEDS: &str = "seeds";

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Returns the inputs of a target with their names, in the order of the names.
pub(crate) fn load(target: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = folder(target);
    let mut inputs = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        if name == SEEDS {
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            inputs.extend(
                (1..).zip(lines).map(|(at, line)| (format!("{name}:{at}"), unescape(line))),
            );
        } else {
            inputs.push((name, bytes));
        }
    }
    inputs.sort();
    Ok(inputs)
}

/// Writes an input that failed beside the corpus, and returns where.
pub(crate) fn write_failure(target: &str, input: &[u8]) -> Result<PathBuf> {
    // FNV-1a: the same input has the same name.
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder(target).join(format!("failed-{hash:016x}"));
    fs::write(&path, input).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn unescape(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.extend(u8::from_str_radix(&digits, 16));
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn a_line_of_seeds_has_escapes() {
        assert_eq!(unescape(br#"a\n\x00\\\"b"#), b"a\n\0\\\"b");
    }
}
