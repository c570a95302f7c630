//! One function per parser. It panics where the parser does, or where an invariant is broken.

mod files;
mod headers;
mod import;
mod rpc;
mod shard;
mod sql;
mod values;

/// A parser under test.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Pieces of its grammar, for the mutations.
    pub(crate) tokens: &'static [&'static str],
    /// Returns whether the parser accepted the input.
    pub(crate) run: fn(&[u8]) -> bool,
}

const JSON: &[&str] = &[
    "{", "}", "[", "]", ",", ":", "null", "true", "\"", "\"a\"", "0", "-1", "1e400", "\\u0000",
    "\\ud800",
];

/// Every target. Its corpus is in `corpus/<name>/`.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "envelope", tokens: rpc::TOKENS, run: rpc::envelope },
    Target { name: "batch", tokens: rpc::TOKENS, run: rpc::batch },
    Target { name: "value", tokens: values::TOKENS, run: values::value },
    Target { name: "frame", tokens: shard::FRAME_TOKENS, run: shard::frame },
    Target { name: "shard", tokens: rpc::TOKENS, run: shard::post },
    Target { name: "cursor", tokens: JSON, run: shard::cursor },
    Target { name: "headers", tokens: headers::TOKENS, run: headers::headers },
    Target { name: "cookies", tokens: headers::COOKIE_TOKENS, run: headers::cookies },
    Target { name: "statement", tokens: sql::TOKENS, run: sql::statement },
    Target { name: "wrangler", tokens: files::WRANGLER_TOKENS, run: files::wrangler },
    Target { name: "manifest", tokens: files::MANIFEST_TOKENS, run: files::manifest },
    Target { name: "lines", tokens: &["\n", "\r\n", "{}"], run: import::lines },
    Target { name: "import", tokens: import::TOKENS, run: import::import },
    Target { name: "cron", tokens: files::CRON_TOKENS, run: files::cron },
    Target { name: "paths", tokens: headers::PATH_TOKENS, run: headers::paths },
];

/// Returns the part of an input before the first zero byte, and the part behind it.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
