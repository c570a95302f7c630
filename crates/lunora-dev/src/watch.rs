//! The files that the build and the server read, and which of them changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use lunora_codegen::wrangler::FILES;

/// Read by every build in the workspace. Cargo itself writes `Cargo.lock`.
const WORKSPACE: [&str; 4] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];

/// Read in each package that the Worker is built from.
const PACKAGE: [&str; 3] = ["Cargo.toml", "build.rs", "lunora.toml"];

/// Read only by the server.
const SECRETS: &str = ".dev.vars";

/// The modification time and length of every file that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<PathBuf, (SystemTime, u64)>);

impl Snapshot {
    /// Looks at everything that the Worker in `worker` is built from, in the workspace at `root`.
    /// A file that is absent, or vanishes meanwhile, is left out.
    pub(crate) fn take(root: &Path, worker: &Path) -> Self {
        let mut snapshot = Self::default();
        WORKSPACE.iter().for_each(|name| snapshot.add(root.join(name)));
        for package in packages(worker) {
            PACKAGE.iter().for_each(|name| snapshot.add(package.join(name)));
            snapshot.add_below(&package.join("src"), |path| {
                path.extension().is_some_and(|extension| extension == "rs")
            });
        }
        FILES.iter().for_each(|name| snapshot.add(worker.join(name)));
        snapshot.add(worker.join(SECRETS));
        snapshot.add_below(&worker.join("public"), |_| true);
        snapshot
    }

    /// Lists the files that were added, removed or written between `self` and `later`.
    pub(crate) fn changes(&self, later: &Self) -> Vec<PathBuf> {
        let all: BTreeSet<_> = self.0.keys().chain(later.0.keys()).collect();
        all.into_iter().filter(|path| self.0.get(*path) != later.0.get(*path)).cloned().collect()
    }

    /// Marks the present state of `path` as seen.
    pub(crate) fn accept(&mut self, path: &Path) {
        self.0.remove(path);
        self.add(path.to_owned());
    }

    /// Marks `path` as seen in the state that it has in `later`.
    pub(crate) fn adopt(&mut self, path: &Path, later: &Self) {
        match later.0.get(path) {
            Some(&state) => self.0.insert(path.to_owned(), state),
            None => self.0.remove(path),
        };
    }

    fn add(&mut self, path: PathBuf) {
        if let Ok(metadata) = fs::metadata(&path)
            && metadata.is_file()
        {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            self.0.insert(path, (modified, metadata.len()));
        }
    }

    fn add_below(&mut self, dir: &Path, counts: fn(&Path) -> bool) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            // Editors keep swap files beside what they edit.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.add_below(&path, counts),
                Ok(_) if counts(&path) => self.add(path),
                _ => {}
            }
        }
    }
}

/// The reaction to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Cargo has to look.
    pub(crate) build: bool,
    /// The server has to read its configuration again.
    pub(crate) restart: bool,
    /// The functions may have other types.
    pub(crate) types: bool,
}

impl Effect {
    /// Decides the reaction to `changes`.
    pub(crate) fn of(changes: &[PathBuf]) -> Self {
        let is = |path: &Path, name: &str| path.file_name().is_some_and(|it| it == name);
        Self {
            build: changes.iter().any(|path| !is(path, SECRETS)),
            types: changes.iter().any(|path| {
                path.extension().is_some_and(|it| it == "rs" || it == "toml" || it == "lock")
            }),
            // The build script reads the configuration as well.
            restart: changes
                .iter()
                .any(|path| is(path, SECRETS) || FILES.iter().any(|name| is(path, name))),
        }
    }
}

/// Returns the folders of the Worker's package and of its path dependencies, recursively.
fn packages(worker: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut queue = vec![normal(worker)];
    while let Some(dir) = queue.pop() {
        let Ok(manifest) = fs::read_to_string(dir.join("Cargo.toml")) else { continue };
        queue.extend(paths(&manifest).map(|path| normal(&dir.join(path))));
        if !found.insert(dir) {
            queue.retain(|dir| !found.contains(dir));
        }
    }
    found
}

/// Returns the values of `path = ".."` in a manifest. That of a `[lib]` is not a package, and is not
/// found.
fn paths(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let (_, value) = line.split_once("path")?;
        value.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?.split('"').next()
    })
}

/// Resolves `..` without asking the file system, so that a package has one name.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use std::{env, io, process};

    use super::*;

    struct Workspace(PathBuf);

    impl Workspace {
        fn new(name: &str) -> io::Result<Self> {
            let dir = env::temp_dir().join(format!("xtask-watch-{name}-{}", process::id()));
            let this = Self(dir);
            this.write("app/Cargo.toml", "[dependencies]\nlib = { path = \"../lib\" }\n")?;
            this.write(
                "lib/Cargo.toml",
                "[lib]\npath = \"src/main.rs\"\n[dependencies.app]\npath = \"../app\"\n",
            )?;
            Ok(this)
        }

        fn write(&self, path: &str, text: &str) -> io::Result<()> {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
            fs::write(path, text)
        }

        fn look(&self) -> Snapshot {
            Snapshot::take(&self.0, &self.0.join("app"))
        }

        /// Returns the effect of writing `path`, if it counts.
        fn effect(&self, path: &str) -> io::Result<Option<Effect>> {
            let before = self.look();
            self.write(path, "written")?;
            let changes = before.changes(&self.look());
            Ok((changes == [self.0.join(path)]).then(|| Effect::of(&changes)))
        }
    }

    impl Drop for Workspace {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn counts_what_the_build_and_the_server_read() -> io::Result<()> {
        let all = |build, restart, types| Some(Effect { build, restart, types });
        let build = all(true, false, false);
        let types = all(true, false, true);
        let restart = all(false, true, false);
        let workspace = Workspace::new("counts")?;
        for (path, effect) in [
            ("app/src/lib.rs", types),
            ("app/src/rooms/one.rs", types),
            ("app/build.rs", types),
            ("app/lunora.toml", types),
            ("app/public/app.js", build),
            ("app/public/fonts/a.woff2", build),
            ("lib/src/lib.rs", types),
            ("Cargo.toml", types),
            ("Cargo.lock", types),
            (".cargo/config.toml", types),
            ("app/wrangler.jsonc", all(true, true, false)),
            ("app/wrangler.toml", all(true, true, true)),
            ("app/.dev.vars", restart),
        ] {
            assert_eq!(workspace.effect(path)?, effect, "{path}");
        }
        Ok(())
    }

    #[test]
    fn ignores_everything_else() -> io::Result<()> {
        let workspace = Workspace::new("ignores")?;
        for path in [
            "app/build/index.js",
            "app/README.md",
            "app/client/api.d.ts",
            "app/client/api.js",
            "app/src/.lib.rs.swp",
            "app/src/notes.txt",
            "app/public/.app.js.swp",
            "app/tests/it.rs",
            "lib/public/app.js",
            "lib/.dev.vars",
            "other/src/lib.rs",
            "target/debug/build.rs",
            ".state/do/x.sqlite",
        ] {
            assert_eq!(workspace.effect(path)?, None, "{path}");
        }
        Ok(())
    }

    #[test]
    fn sees_removed_files_and_older_ones() -> io::Result<()> {
        let workspace = Workspace::new("removed")?;
        workspace.write("app/src/lib.rs", "one")?;
        let lib = workspace.0.join("app/src/lib.rs");
        let before = workspace.look();
        fs::File::options().write(true).open(&lib)?.set_modified(SystemTime::UNIX_EPOCH)?;
        let older = workspace.look();
        assert_eq!(before.changes(&older), std::slice::from_ref(&lib));
        fs::remove_file(&lib)?;
        assert_eq!(older.changes(&workspace.look()), [lib]);
        Ok(())
    }

    #[test]
    fn accepts_what_cargo_wrote() -> io::Result<()> {
        let workspace = Workspace::new("accepts")?;
        let mut seen = workspace.look();
        workspace.write("Cargo.lock", "written by cargo")?;
        seen.accept(&workspace.0.join("Cargo.lock"));
        assert_eq!(seen, workspace.look());
        Ok(())
    }
}
