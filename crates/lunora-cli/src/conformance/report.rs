//! The report of a run, for people and for machines.

use std::time::Duration;

use serde::Serialize;

use super::case::{Case, Mismatch};

/// The longest request, expectation or answer that is printed, in characters.
const LONGEST: usize = 500;

/// The end of a case.
pub(crate) enum Verdict {
    Ok,
    /// With the reason.
    Skipped(&'static str),
    Failed(Mismatch),
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    url: String,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) cases: Vec<Line>,
}

/// The result of one case.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) rule: &'static str,
    section: &'static str,
    pub(crate) outcome: &'static str,
    milliseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub(crate) mismatch: Option<Shown>,
}

/// A mismatch as it is printed: cut, and without tokens.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) request: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Report {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), passed: 0, failed: 0, skipped: 0, cases: Vec::new() }
    }

    /// Adds a result, and returns its text.
    pub(crate) fn add(
        &mut self,
        case: &Case,
        verdict: Verdict,
        took: Duration,
        redact: impl Fn(&str) -> String,
    ) -> String {
        let show = |text: &str| cut(&redact(text));
        let (outcome, reason, mismatch) = match verdict {
            Verdict::Ok => ("ok", None, None),
            Verdict::Skipped(reason) => ("skipped", Some(reason), None),
            Verdict::Failed(Mismatch { request, expected, got }) => {
                let [request, expected, got] = [request, expected, got].map(|text| show(&text));
                ("failed", None, Some(Shown { request, expected, got }))
            }
        };
        match outcome {
            "ok" => self.passed += 1,
            "skipped" => self.skipped += 1,
            _ => self.failed += 1,
        }
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (rule, section) = (case.rule, case.section);
        let line = Line { rule, section, outcome, milliseconds, reason, mismatch };
        let text = line.text(&case.sentence());
        self.cases.push(line);
        text
    }

    pub(crate) fn summary(&self) -> String {
        let Self { passed, failed, skipped, .. } = self;
        let milliseconds: u64 = self.cases.iter().map(|line| line.milliseconds).sum();
        let (seconds, tenths) = (milliseconds / 1000, milliseconds % 1000 / 100);
        format!("\n{passed} passed, {failed} failed, {skipped} skipped in {seconds}.{tenths} s")
    }
}

impl Line {
    fn text(&self, sentence: &str) -> String {
        match (&self.mismatch, self.reason) {
            (Some(Shown { request, expected, got }), _) => {
                let part = |name: &str, text: &str| {
                    format!("\n  {name:<10}{}", text.replace('\n', "\n            "))
                };
                let section = format!("{} (docs/wire.md)", self.section);
                let parts = [
                    part("request", request),
                    part("expected", expected),
                    part("got", got),
                    part("section", &section),
                ];
                format!("FAILED  {sentence}{}", parts.concat())
            }
            (None, Some(reason)) => format!("skipped {sentence}: {reason}"),
            (None, None) => format!("ok      {sentence}"),
        }
    }
}

fn cut(text: &str) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
