//! One build, step by step.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
};

use wasm_bindgen_cli_support::Bindgen;

use crate::{
    Error, Size, WasmOpt,
    cargo::Crate,
    compact,
    exports::Exports,
    glue, optimize, reuse,
    schema::{Schema, SchemaLock, module},
    shim::{self, CONTAIN_JS},
};

pub(crate) const USAGE: &str = "\
Usage: lunora-build [OPTIONS]

Builds the Worker's crate into its build/ folder, for wrangler and Miniflare.

  --manifest-path <PATH>   the crate's Cargo.toml, or the folder of that file [default: the current folder]
  --release                optimize [default]
  --dev                    compile quickly; the Worker is slower and larger
  --out-dir <DIR>          the output folder [default: build/ beside Cargo.toml]
  --wasm-opt <PATH|off>    the wasm-opt to run [default: WASM_OPT_BIN, or npm's binaryen; off with --dev]
  --names                  keep the names of functions and the comments of the JavaScript, for stack traces and
                           profiles [default with --dev]
  --schema-lock <MODE>     what to do with lunora.schema.lock: update, frozen, warn or ignore [default:
                           update; frozen where CI is set; warn with --dev]
  -h, --help               print this help";

/// A build of one crate, with its options.
#[derive(Debug, Clone)]
#[must_use]
pub struct Build {
    dir: PathBuf,
    release: bool,
    out_dir: Option<PathBuf>,
    wasm_opt: Option<WasmOpt>,
    names: Option<bool>,
    features: Vec<String>,
    schema_lock: Option<SchemaLock>,
}

/// A finished build.
#[derive(Debug, Clone)]
pub struct Output {
    /// The folder with `shim.js`, the entry point, and all it imports.
    pub dir: PathBuf,
    /// The size of the wasm module.
    pub wasm: Size,
    /// The `wasm-opt` that was run.
    pub wasm_opt: Option<PathBuf>,
    /// The folder already held this build, and was not written.
    pub reused: bool,
    /// Notes for the user, one line or more each.
    pub notes: Vec<String>,
}

impl Build {
    /// Starts a release build of the crate whose `Cargo.toml` is in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            release: true,
            out_dir: None,
            wasm_opt: None,
            names: None,
            features: Vec::new(),
            schema_lock: None,
        }
    }

    /// Chooses between cargo's release and dev profile.
    pub fn release(mut self, release: bool) -> Self {
        self.release = release;
        self
    }

    /// Sets the output folder, instead of `build/` in the crate's folder. Its content is replaced.
    pub fn out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(dir.into());
        self
    }

    /// Chooses the `wasm-opt` to run; by default [`WasmOpt::Find`] in a release build.
    pub fn wasm_opt(mut self, wasm_opt: WasmOpt) -> Self {
        self.wasm_opt = Some(wasm_opt);
        self
    }

    /// Keeps the names of functions in the module, and the comments of the JavaScript around it; by default in a dev
    /// build only.
    ///
    /// Without them a panic still says its message, file and line; the trace of the trap behind it
    /// has numbers.
    pub fn names(mut self, names: bool) -> Self {
        self.names = Some(names);
        self
    }

    /// Turns on features of the crate, in addition to its default features.
    pub fn features(mut self, features: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.features.extend(features.into_iter().map(Into::into));
        self
    }

    /// Chooses what is done with the schema lock; the default depends on the build, see [`SchemaLock`].
    pub fn schema_lock(mut self, mode: SchemaLock) -> Self {
        self.schema_lock = Some(mode);
        self
    }

    /// Finds the root of the workspace that the crate belongs to.
    ///
    /// # Errors
    ///
    /// Returns an error if cargo cannot read the crate's manifest.
    pub fn workspace_root(&self) -> Result<PathBuf, Error> {
        Ok(Crate::find(&self.dir)?.workspace)
    }

    /// Runs the build. Cargo's progress goes to standard error.
    ///
    /// A dev build does nothing after cargo if the output folder holds the result for the same wasm.
    ///
    /// # Errors
    ///
    /// Returns an error if a step fails. The output folder then keeps its content.
    pub fn run(&self) -> Result<Output, Error> {
        self.run_with(|| {})
    }

    /// Runs the build as [`run`](Self::run) does, and calls `compiled` as soon as cargo has ended: what comes
    /// then leaves cargo to others.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_with(&self, compiled: impl FnOnce()) -> Result<Output, Error> {
        let default = if self.release { WasmOpt::Find } else { WasmOpt::Off };
        let wasm_opt = self.wasm_opt.as_ref().unwrap_or(&default).program(&absolute(&self.dir)?);

        let krate = Crate::find(&self.dir)?;
        krate.check()?;
        let wasm = krate.compile(self.release, &self.features)?;
        compiled();
        let mode = self.schema_lock.unwrap_or_else(|| match self.release {
            false => SchemaLock::Warn,
            true if env::var_os("CI").is_some_and(|ci| !ci.is_empty()) => SchemaLock::Frozen,
            true => SchemaLock::Update,
        });
        let schema = Schema::check(&self.dir, &wasm, mode)?;

        let out_dir = absolute(&self.out_dir.clone().unwrap_or_else(|| self.dir.join("build")))?;
        let names = self.names.unwrap_or(!self.release);
        let fingerprint = match self.release {
            true => None,
            false => Some(reuse::fingerprint(&wasm, names, &schema.versions, wasm_opt.as_deref())?),
        };
        if fingerprint.as_ref().is_some_and(|it| reuse::is_current(&out_dir, it)) {
            let wasm = Size::of(&out_dir.join("index_bg.wasm"), false)?;
            let notes = schema.notes;
            return Ok(Output { dir: out_dir, wasm, wasm_opt, reused: true, notes });
        }
        let staging = Staging::new(&out_dir)?;
        generate(&wasm, &staging.dir, names, &schema)?;
        let wasm = staging.dir.join("index_bg.wasm");
        if let Some(program) = &wasm_opt {
            optimize::optimize(program, &wasm, names)?;
        }
        if self.release {
            optimize::reorder(&wasm)?;
        }
        let wasm = Size::of(&wasm, self.release)?;
        if let Some(fingerprint) = fingerprint {
            reuse::record(&staging.dir, &fingerprint)?;
        }
        staging.publish(&out_dir)?;
        schema.write()?;
        Ok(Output { dir: out_dir, wasm, wasm_opt, reused: false, notes: schema.notes })
    }
}

/// Runs wasm-bindgen, and makes its output an entry point.
fn generate(wasm: &Path, dir: &Path, names: bool, schema: &Schema) -> Result<(), Error> {
    let bindgen = |error| Error::Bindgen(format!("{error:#}"));
    let mut output = Bindgen::new()
        .input_path(wasm)
        .out_name("index")
        .module(true)
        .map_err(bindgen)?
        .typescript(true)
        .remove_name_section(!names)
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate_output()
        .map_err(bindgen)?;
    let exports = Exports::parse(output.ts().unwrap_or_default());
    module::strip(output.wasm_mut());
    output.emit(dir).map_err(bindgen)?;

    let path = dir.join("index.js");
    let js =
        fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    write(&path, &glue::adapt(&js, &exports)?)?;
    write(&dir.join("contain.js"), CONTAIN_JS)?;
    write(&dir.join("shim.js"), &shim::generate(&exports, &schema.versions))?;
    for declarations in ["index.d.ts", "index_bg.wasm.d.ts"] {
        let path = dir.join(declarations);
        fs::remove_file(&path).map_err(|source| Error::File { path, source })?;
    }
    if !names {
        compact::output(dir).map_err(|source| Error::File { path: dir.into(), source })?;
    }
    Ok(())
}

/// A folder beside the output, renamed to it at the end: a watching program never sees half a build.
struct Staging {
    dir: PathBuf,
}

impl Staging {
    fn new(out_dir: &Path) -> Result<Self, Error> {
        let name = out_dir.file_name().unwrap_or_default().to_string_lossy();
        let dir = out_dir.with_file_name(format!(".{name}-{}", process::id()));
        fs::create_dir_all(&dir).map_err(|source| Error::File { path: dir.clone(), source })?;
        Ok(Self { dir })
    }

    fn publish(self, out_dir: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { path: out_dir.into(), source };
        let old = self.dir.with_extension("old");
        match fs::rename(out_dir, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => fs::rename(&self.dir, out_dir).map_err(failed)?,
        }
        match fs::remove_dir_all(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::File { path: path.into(), source })
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::File { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_replaces_the_folder_whole() -> io::Result<()> {
        let out =
            std::env::temp_dir().join(format!("lunora-build-test-{}", process::id())).join("build");
        fs::create_dir_all(&out)?;
        fs::write(out.join("stale.js"), "")?;
        let staging = Staging::new(&out).map_err(io::Error::other)?;
        fs::write(staging.dir.join("shim.js"), "")?;
        staging.publish(&out).map_err(io::Error::other)?;

        let names = |dir: &Path| -> io::Result<Vec<_>> {
            fs::read_dir(dir)?.map(|e| Ok(e?.file_name())).collect()
        };
        assert_eq!(names(&out)?, ["shim.js"]);
        let parent = out.parent().unwrap_or(&out);
        assert_eq!(names(parent)?, ["build"]);
        fs::remove_dir_all(parent)
    }
}
