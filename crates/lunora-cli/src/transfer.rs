//! `lunora export` and `lunora import`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Outcome,
    client::{Client, Counting, reader},
    failure::Failure,
    output::Output,
    seal::{Seal, SealCheck},
};

/// The options of an export.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportWish {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tables: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) allow_empty_registry: bool,
    /// Requests the end line, which proves that the export is complete.
    pub(crate) end: bool,
    /// Requests the shard of each row, to which an import returns it.
    pub(crate) shard_keys: bool,
}

/// The status of a command whose reader has closed the pipe, as a shell counts `SIGPIPE`.
const CLOSED_PIPE: i32 = 128 + 13;

/// Writes every row as a line, and an end line that proves that the export is complete. A file gets its
/// name only when it is complete.
pub(crate) fn export(
    wish: &ExportWish,
    file: Option<&Path>,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    let answer = client.post_for_stream("export", wish)?;
    let progress = output.rows(None);
    let (mut bytes, mut seal) = (0_u64, SealCheck::default());
    let mut lines = Counting::new(reader(answer), |piece: &[u8]| {
        seal.push(piece);
        bytes += piece.len() as u64;
        progress.inc(count_lines(piece));
    });
    let rows = match file {
        Some(file) => {
            let part = part_of(file);
            let written = write_file(&part, &mut lines);
            drop(lines);
            let rows = written.and_then(|()| whole(seal));
            if rows.is_err() {
                let _ = fs::remove_file(&part);
            }
            rows.and_then(|rows| {
                fs::rename(&part, file).map_err(|error| at(file, error)).map(|()| rows)
            })
        }
        None => {
            let stdout = Path::new("the standard output");
            let copied = copy(&mut lines, &mut io::stdout().lock(), stdout);
            if let Err(Failure::File { source, .. }) = &copied
                && source.kind() == io::ErrorKind::BrokenPipe
            {
                process::exit(CLOSED_PIPE);
            }
            copied?;
            drop(lines);
            whole(seal)
        }
    };
    let rows = rows?;
    progress.finish_and_clear();
    match file {
        Some(file) => {
            let report = json!({ "bytes": bytes, "file": file, "rows": rows });
            output.answer(&report, || format!("{rows} rows in {}", file.display()));
        }
        None => output.note(&format!("{rows} rows")),
    }
    Ok(Outcome::Done)
}

/// Returns the number of rows of a complete export.
fn whole(seal: SealCheck) -> Result<u64, Failure> {
    match seal.finish() {
        Seal::Whole(rows) => Ok(rows),
        Seal::Absent => Err(Failure::NotWhole(
            "the end line is missing, or the deployment's version does not send one".to_owned(),
        )),
        Seal::Broken(problem) => Err(Failure::NotWhole(problem)),
    }
}

/// Returns the name of the unfinished file: `file.ndjson.part`.
fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_file(part: &Path, lines: &mut impl Read) -> Result<(), Failure> {
    let file = create_private(part).map_err(|error| at(part, error))?;
    let mut writer = BufWriter::new(file);
    copy(lines, &mut writer, part)?;
    writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|file| file.sync_all())
        .map_err(|error| at(part, error))
}

/// Creates a file that only its owner can read: it holds every row of a deployment.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One that was there keeps its mode.
    let _ = fs::remove_file(path);
    options.open(path)
}

/// Copies, and distinguishes a source that ends early from a target that is full.
fn copy(from: &mut impl Read, to: &mut impl Write, path: &Path) -> Result<(), Failure> {
    let mut buffer = vec![0; 256 * 1024];
    let mut last = b'\n';
    loop {
        let count = from.read(&mut buffer).map_err(Failure::BrokenOff)?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
        to.write_all(piece).map_err(|error| at(path, error))?;
        last = *piece.last().unwrap_or(&last);
    }
    if last != b'\n' {
        return Err(Failure::BrokenOff(io::ErrorKind::UnexpectedEof.into()));
    }
    to.flush().map_err(|error| at(path, error))
}

fn count_lines(piece: &[u8]) -> u64 {
    piece.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn at(path: &Path, source: io::Error) -> Failure {
    Failure::File { path: path.display().to_string(), source }
}

/// The result of an import.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ImportReport {
    /// Rows that already existed.
    pub(crate) conflicts: u64,
    pub(crate) errors: Vec<RowError>,
    pub(crate) errors_omitted: u64,
    /// Shards of which rows may be missing.
    pub(crate) failed: Vec<FailedShard>,
    pub(crate) inserted: BTreeMap<String, u64>,
    pub(crate) received: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailedShard {
    pub(crate) shard_key: String,
    pub(crate) message: String,
    pub(crate) timed_out: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RowError {
    pub(crate) code: String,
    pub(crate) line: u64,
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) table: String,
}

impl ImportReport {
    /// Adds the result of the next rows.
    pub(crate) fn add(&mut self, next: Self) {
        self.conflicts += next.conflicts;
        self.errors.extend(next.errors);
        self.errors_omitted += next.errors_omitted;
        self.failed.extend(next.failed);
        self.received += next.received;
        for warning in next.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        for (table, rows) in next.inserted {
            *self.inserted.entry(table).or_default() += rows;
        }
    }

    pub(crate) fn is_flawed(&self) -> bool {
        !self.failed.is_empty() || !self.errors.is_empty()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if self.is_flawed() { Outcome::Flawed } else { Outcome::Done }
    }

    /// Returns the report as text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (table, rows) in &self.inserted {
            text += &format!("{table}: {rows} rows\n");
        }
        if self.conflicts > 0 {
            text += &format!("{} rows already existed and were kept\n", self.conflicts);
        }
        for RowError { code, line, message, .. } in &self.errors {
            text += &format!("line {line}: {code}: {message}\n");
        }
        if self.errors_omitted > 0 {
            text += &format!("and {} more errors\n", self.errors_omitted);
        }
        for FailedShard { shard_key, message, .. } in &self.failed {
            text +=
                &format!("shard {shard_key:?} failed, and rows of it may be missing: {message}\n");
        }
        for warning in &self.warnings {
            text += &format!("warning: {warning}\n");
        }
        text + &format!("{} rows read", self.received)
    }
}

/// Rejects a file that differs from its export, before the first row is sent.
fn check_file(file: &Path, output: &Output) -> Result<(), Failure> {
    let mut seal = SealCheck::default();
    let mut source = File::open(file).map_err(|error| at(file, error))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = source.read(&mut buffer).map_err(|error| at(file, error))?;
        match buffer.get(..count).filter(|piece| !piece.is_empty()) {
            Some(piece) => seal.push(piece),
            None => break,
        }
    }
    match seal.finish() {
        Seal::Whole(_) => Ok(()),
        Seal::Absent => {
            output.note(&format!(
                "warning: {} has no end line, so it may be incomplete",
                file.display()
            ));
            Ok(())
        }
        Seal::Broken(problem) => Err(Failure::NotWhole(problem)),
    }
}

/// Adds the rows of a file.
pub(crate) fn import(
    file: &Path,
    shard: Option<&str>,
    client: &Client,
    output: &Output,
) -> Result<Outcome, Failure> {
    if file != Path::new("-") {
        check_file(file, output)?;
    }
    let progress = output.rows(None);
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| at(file, error))?)
    };
    let mut lines = Counting::new(source, |piece: &[u8]| progress.inc(count_lines(piece)));
    let path = match shard {
        None => "import".to_owned(),
        Some(shard) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!("import?{}", query.append_pair("shardKey", shard).finish())
        }
    };
    let report: ImportReport = client.post_stream(&path, &mut lines)?;
    progress.finish_and_clear();
    output.answer(&report, || report.to_text());
    Ok(report.outcome())
}
