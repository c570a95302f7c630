//! The configuration of a Worker as JSON, for a tool that serves it.

use std::path::Path;

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;

use super::read;
use crate::{Place, Problem};

/// Reads the wrangler configuration of the crate in `dir`: `wrangler.json`, `wrangler.jsonc` or
/// `wrangler.toml`, whichever is found first, as wrangler looks for them.
///
/// # Errors
/// A problem if none is there or it cannot be parsed.
pub fn config(dir: &Path) -> Result<Value, Problem> {
    let names = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];
    let name = names.into_iter().find(|name| dir.join(name).exists()).unwrap_or(super::FILE);
    let text = read(dir, name)?;
    let malformed = |message: String, offset: usize| {
        let place = Place::of_offset(name, &text, offset);
        Problem::new(place, format!("cannot be parsed ({message})"), "mend the syntax")
    };
    if name.ends_with(".toml") {
        let parsed = toml::from_str::<Value>(&text);
        return parsed.map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            malformed(error.message().to_owned(), offset)
        });
    }
    parse_to_serde_value::<Value>(&text, &ParseOptions::default())
        .map_err(|error| malformed(error.kind().to_string(), error.range().start))
}

#[cfg(test)]
mod tests {
    use std::{env, fs, io, process};

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_every_form_that_wrangler_reads() -> io::Result<()> {
        let dir = env::temp_dir().join(format!("lunora-config-{}", process::id()));
        fs::create_dir_all(&dir)?;
        let expected = json!({ "name": "chat", "triggers": { "crons": ["0 3 * * *"] } });
        for (name, text) in [
            ("wrangler.toml", "name = \"chat\"\n[triggers]\ncrons = [\"0 3 * * *\"]\n"),
            (
                "wrangler.jsonc",
                "{ // chat\n\"name\":\"chat\",\"triggers\":{\"crons\":[\"0 3 * * *\",]},}",
            ),
            ("wrangler.json", "{\"name\":\"chat\",\"triggers\":{\"crons\":[\"0 3 * * *\"]}}"),
        ] {
            fs::write(dir.join(name), text)?;
            assert_eq!(
                config(&dir).map_err(|problem| problem.to_string()),
                Ok(expected.clone()),
                "{name}"
            );
        }
        fs::write(dir.join("wrangler.json"), "{\n \"name\" 1 }")?;
        let problem = config(&dir).map(drop).map_err(|problem| problem.to_string());
        assert!(problem.is_err_and(|it| it.starts_with("wrangler.json:2: cannot be parsed")));
        fs::remove_dir_all(dir)
    }
}
