//! `lunora new`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{Kind, origin::Origin};
use crate::{Outcome, failure::Failure, output::Output};

/// Writes an application into a folder that does not exist, or is empty.
pub(crate) fn create(
    dir: &Path,
    kind: Kind,
    source: Option<&str>,
    output: &Output,
) -> Result<Outcome, Failure> {
    let name = name_of(dir)?;
    let origin = source.map_or_else(Origin::of_this_tool, Origin::parse)?;
    refuse_contents(dir)?;
    for (path, text) in kind.files(&name, &|krate| origin.dependency(krate)) {
        let path = dir.join(path);
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
        fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    }
    lock(dir);
    output.line(&format!(
        "Created the application `{name}`. Serve it on this machine:\n\n    cd {}\n    lunora dev\n",
        dir.display()
    ));
    Ok(Outcome::Done)
}

/// Returns the folder's name, if a crate, a Worker and a bucket can have it.
fn name_of(dir: &Path) -> Result<String, Failure> {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !name.chars().all(is_plain) || name.ends_with('-') || name.len() > 54 {
        return Err(Failure::Usage(format!(
            "invalid Worker name `{name}`: expected 1 to 54 lower-case letters, digits and hyphens, with a \
             letter first and no hyphen last"
        )));
    }
    // A crate of the application's own name would stand in the way of these.
    if matches!(&*name, "lunora" | "worker" | "serde" | "test" | "core" | "std" | "alloc") {
        return Err(Failure::Usage(format!(
            "reserved name `{name}`: a crate that the application needs has it; choose another name"
        )));
    }
    Ok(name)
}

fn refuse_contents(dir: &Path) -> Result<(), Failure> {
    let is_used =
        fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file();
    match is_used {
        true => Err(Failure::Usage(format!("{} already exists and is not empty", dir.display()))),
        false => Ok(()),
    }
}

/// Writes `Cargo.lock`, offline if the crates on this machine suffice. If it fails, the first build
/// reports the reason.
fn lock(dir: &Path) {
    let lock = |offline: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.arg("generate-lockfile").args(offline).current_dir(dir);
        cargo.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    };
    let _ = lock(&["--offline"]) || lock(&[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_that_a_crate_a_worker_and_a_bucket_can_have() {
        for name in ["app", "my-app-2", "/tmp/chat", "a/b"] {
            assert!(name_of(Path::new(name)).is_ok(), "{name}");
        }
        for name in ["", ".", "App", "2go", "a_b", "a-", "a.b", "lunora", "ä", &"a".repeat(55)] {
            assert!(name_of(Path::new(name)).is_err(), "{name}");
        }
    }
}
