//! `lunora-build`: the command to name as `build.command` in a Worker's `wrangler.jsonc`.

#![allow(clippy::print_stdout)]

use std::{env, path::PathBuf, process::ExitCode};

use lunora_build::{Build, Error, Output, SchemaLock, WasmOpt};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "-h" || arg == "--help") {
        println!("{}", Error::Usage(String::new()).to_string().trim_start());
        return ExitCode::SUCCESS;
    }
    match parse(args.into_iter()).and_then(|build| build.run()) {
        Ok(output) => {
            report(&output);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Build, Error> {
    let mut dir = PathBuf::from(".");
    let mut change: Vec<Box<dyn Fn(Build) -> Build>> = Vec::new();
    while let Some(arg) = args.next() {
        let mut value =
            || args.next().ok_or_else(|| Error::Usage(format!("missing value for {arg}")));
        match arg.as_str() {
            "--manifest-path" => {
                dir = value()?.into();
                if dir.ends_with("Cargo.toml") {
                    dir.pop();
                }
            }
            "--release" => change.push(Box::new(|build| build.release(true))),
            "--dev" => change.push(Box::new(|build| build.release(false))),
            "--out-dir" => {
                let out_dir = value()?;
                change.push(Box::new(move |build| build.out_dir(&out_dir)));
            }
            "--wasm-opt" => {
                let wasm_opt = match value()?.as_str() {
                    "off" => WasmOpt::Off,
                    path => WasmOpt::Program(path.into()),
                };
                change.push(Box::new(move |build| build.wasm_opt(wasm_opt.clone())));
            }
            "--schema-lock" => {
                let mode = match value()?.as_str() {
                    "update" => SchemaLock::Update,
                    "frozen" => SchemaLock::Frozen,
                    "warn" => SchemaLock::Warn,
                    "ignore" => SchemaLock::Ignore,
                    other => {
                        return Err(Error::Usage(format!("unknown value `{other}` for {arg}")));
                    }
                };
                change.push(Box::new(move |build| build.schema_lock(mode)));
            }
            "--names" => change.push(Box::new(|build| build.names(true))),
            _ => return Err(Error::Usage(format!("unknown option `{arg}`"))),
        }
    }
    let dir = if dir.as_os_str().is_empty() { ".".into() } else { dir };
    Ok(change.into_iter().fold(Build::new(dir), |build, change| change(build)))
}

fn report(output: &Output) {
    println!("Built {}", output.dir.display());
    println!("index_bg.wasm: {}", output.wasm);
    for note in &output.notes {
        println!("{note}");
    }
    match &output.wasm_opt {
        Some(program) => println!("optimized by {}", program.display()),
        // A dev build does without it on purpose.
        None if output.wasm.gzip.is_none() => {}
        None => {
            println!("wasm-opt was not run; for a smaller Worker: npm install --save-dev binaryen");
        }
    }
}
