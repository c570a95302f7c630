//! The cargo side: which crate this is, whether it can be built, and its compilation to wasm.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::Error;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The version of `wasm-bindgen-cli-support` this crate is built with; the two move together.
pub(crate) const BINDGEN: &str = "0.2.130";

/// The crate to build, as `cargo metadata` describes it.
pub(crate) struct Crate {
    manifest: PathBuf,
    pub(crate) workspace: PathBuf,
    target_dir: PathBuf,
    package: String,
    library: String,
}

impl Crate {
    /// Finds the package whose manifest lies in `dir`.
    pub(crate) fn find(dir: &Path) -> Result<Self, Error> {
        let manifest = dir.join("Cargo.toml");
        let manifest =
            fs::canonicalize(&manifest).map_err(|source| Error::File { path: manifest, source })?;
        let mut command = cargo(&manifest, "metadata");
        command.args(["--format-version", "1", "--no-deps"]);
        let metadata: Value = serde_json::from_slice(&output(&mut command)?)?;
        Self::read(&metadata, manifest)
    }

    fn read(metadata: &Value, manifest: PathBuf) -> Result<Self, Error> {
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let is_this =
            |package: &&Value| package["manifest_path"].as_str().map(Path::new) == Some(&manifest);
        let Some(package) = packages.into_iter().find(is_this) else {
            return Err(Error::NotAPackage(manifest));
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&package["name"]);
        let is_cdylib = |target: &&Value| {
            target["crate_types"].as_array().is_some_and(|t| t.contains(&"cdylib".into()))
        };
        let Some(target) = package["targets"].as_array().into_iter().flatten().find(is_cdylib)
        else {
            return Err(Error::NoCdylib(name));
        };
        Ok(Self {
            library: text(&target["name"]).replace('-', "_"),
            package: name,
            workspace: text(&metadata["workspace_root"]).into(),
            target_dir: text(&metadata["target_directory"]).into(),
            manifest,
        })
    }

    /// Returns an error that names the fix if the target or the right wasm-bindgen is missing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let mut command = Command::new(rustc);
        command.args(["--print", "target-libdir", "--target", TARGET]);
        command.current_dir(self.manifest.parent().unwrap_or(&self.workspace));
        let libdir = String::from_utf8_lossy(&output(&mut command)?).trim().to_owned();
        if !Path::new(&libdir).exists() {
            return Err(Error::NoTarget);
        }

        let path = self.workspace.join("Cargo.lock");
        if !path.exists() {
            output(&mut cargo(&self.manifest, "generate-lockfile"))?;
        }
        let lock = fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
        check_bindgen(&lock)
    }

    /// Compiles the crate; cargo shows its own progress. The result is the path of the `.wasm` file.
    pub(crate) fn compile(&self, release: bool, features: &[String]) -> Result<PathBuf, Error> {
        let mut command = cargo(&self.manifest, "build");
        command.args(["--lib", "--target", TARGET, "--package", &self.package]);
        if release {
            command.arg("--release");
        }
        if !features.is_empty() {
            command.args(["--features", &features.join(",")]);
        }
        // As `worker-build` does: async exports then need no crate but js-sys.
        command.env("WASM_BINDGEN_USE_JS_SYS", "1");
        run(&mut command)?;
        let profile = if release { "release" } else { "debug" };
        Ok(self.target_dir.join(TARGET).join(profile).join(format!("{}.wasm", self.library)))
    }
}

/// Checks that the crate's wasm-bindgen is the version whose data this tool reads.
fn check_bindgen(lock: &str) -> Result<(), Error> {
    let mut lines = lock.lines().skip_while(|line| *line != r#"name = "wasm-bindgen""#);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    match version.map(|version| version.trim_matches('"')) {
        Some(BINDGEN) => Ok(()),
        Some(found) => Err(Error::BindgenVersion { found: found.into(), expected: BINDGEN }),
        None => Err(Error::NoBindgen),
    }
}

fn cargo(manifest: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.arg(subcommand).arg("--manifest-path").arg(manifest);
    // So that a `rust-toolchain.toml` and a `.cargo/config.toml` beside the crate are seen.
    command.current_dir(manifest.parent().unwrap_or(manifest));
    command
}

/// Runs a program that prints to the terminal itself.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status =
        command.status().map_err(|source| Error::Run { program: program(command), source })?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::Failed { program: program(command), status }),
    }
}

fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| Error::Run { program: program(command), source })?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(Error::Failed { program: program(command), status: output.status }),
    }
}

fn program(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args().take(1));
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(version: &str) -> String {
        format!(
            "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.9.9\"\n\n\
             [[package]]\nname = \"wasm-bindgen\"\nversion = \"{version}\"\nsource = \"registry\"\n"
        )
    }

    #[test]
    fn takes_its_own_bindgen_only() {
        assert!(check_bindgen(&lock(BINDGEN)).is_ok());
        assert!(matches!(check_bindgen(""), Err(Error::NoBindgen)));
        let refused =
            check_bindgen(&lock("0.2.99")).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            refused.contains("`wasm-bindgen = \"=0.2.130\"` to the [dependencies]"),
            "{refused}"
        );
    }

    #[test]
    fn the_constant_is_the_version_in_use() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(
            lock.contains(&format!("name = \"wasm-bindgen-cli-support\"\nversion = \"{BINDGEN}\""))
        );
    }

    #[test]
    fn needs_a_cdylib() {
        let metadata = |kind: &str| {
            serde_json::json!({
                "packages": [{
                    "name": "my-worker", "manifest_path": "/w/Cargo.toml",
                    "targets": [{ "name": "my-worker", "crate_types": [kind] }],
                }],
                "target_directory": "/t", "workspace_root": "/w",
            })
        };
        let found = Crate::read(&metadata("cdylib"), "/w/Cargo.toml".into());
        assert_eq!(found.map(|c| c.library).ok().as_deref(), Some("my_worker"));
        let plain = Crate::read(&metadata("rlib"), "/w/Cargo.toml".into());
        assert!(matches!(plain, Err(Error::NoCdylib(name)) if name == "my-worker"));
        let elsewhere = Crate::read(&metadata("cdylib"), "/other/Cargo.toml".into());
        assert!(matches!(elsewhere, Err(Error::NotAPackage(_))));
    }
}
