//! The facts of a statement that a shard must know before SQLite runs it.
//!
//! Not a parser: it finds the words outside of strings and comments, and the bound parameters.

use super::words::{Kind, Refusal, Word, Words};

/// A statement split into its words.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    Reads,
    Writes,
}

impl<'a> Statement<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let mut words = Words::of(text);
        let mut all = Vec::new();
        while let Some(word) = words.next()? {
            all.push(word);
        }
        while all.last().is_some_and(|word| word.text == ";" && word.kind == Kind::Sign) {
            all.pop();
        }
        if all.is_empty() {
            return Err(Refusal::Empty);
        }
        if all.iter().any(|word| word.kind == Kind::Sign && word.text == ";") {
            return Err(Refusal::Several);
        }
        Ok(Self { text, words: all })
    }

    /// Returns the effect of the statement, by its keyword.
    pub(crate) fn effect(&self) -> Result<Effect, Refusal> {
        let first = self.words.first().map_or("", |word| word.text);
        let verb = if is(first, "WITH") {
            // The first verb that is in no parentheses; names of tables come in between.
            let verbs = ["SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"];
            let found = self.words.iter().skip(1).find(|word| {
                word.depth == 0
                    && word.kind == Kind::Bare
                    && verbs.iter().any(|verb| is(word.text, verb))
            });
            found.map_or("", |word| word.text)
        } else {
            first
        };
        let any = |verbs: &[&str]| verbs.iter().any(|known| is(verb, known));
        if any(&["SELECT", "VALUES"]) {
            return Ok(Effect::Reads);
        }
        if any(&["INSERT", "REPLACE", "UPDATE", "DELETE"]) {
            return Ok(Effect::Writes);
        }
        let object = self.words.iter().skip(1).find(|word| {
            word.kind == Kind::Bare
                && !["TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"]
                    .iter()
                    .any(|skip| is(word.text, skip))
        });
        let object = object.map_or("", |word| word.text);
        if any(&["CREATE", "DROP"])
            && ["TABLE", "INDEX", "VIEW"].iter().any(|kind| is(object, kind))
            || any(&["ALTER"]) && is(object, "TABLE")
        {
            return Ok(Effect::Writes);
        }
        Err(Refusal::Forbidden)
    }

    /// Returns the text up to the last word: without a semicolon or a comment behind it.
    pub(crate) fn own_text(&self) -> &'a str {
        let end = self.words.last().map_or(0, |word| word.end);
        self.text.get(..end).unwrap_or_default()
    }

    /// Returns the statement that `EXPLAIN QUERY PLAN` stands in front of, if it does.
    pub(crate) fn explained(&self) -> Option<Self> {
        let (prefix, words) = self.words.split_at_checked(3)?;
        let explains = prefix.iter().zip(["EXPLAIN", "QUERY", "PLAN"]);
        let explains = explains.into_iter().all(|(word, keyword)| is(word.text, keyword));
        explains.then(|| Self { text: self.text, words: words.to_vec() })
    }

    /// Returns whether any name in the statement begins with `prefix`, in any case and quotes.
    pub(crate) fn mentions_prefix(&self, prefix: &str) -> bool {
        self.names().any(|name| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
    }

    /// Returns whether `name` is among the names in the statement, in any case and quotes.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.names().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// Returns the table that the statement writes to.
    pub(crate) fn target(&self) -> Option<&'a str> {
        let words: Vec<_> = self.words.iter().filter(|word| word.depth == 0).collect();
        let after = |keyword: &str| {
            words.iter().position(|word| word.kind == Kind::Bare && is(word.text, keyword))
        };
        let mut at = if let Some(at) = after("INTO") {
            at + 1
        } else if let Some(at) = after("DELETE") {
            at + 2
        } else if let Some(at) = after("UPDATE") {
            // `UPDATE OR IGNORE t`
            let or = words.get(at + 1).is_some_and(|word| is(word.text, "OR"));
            at + if or { 3 } else { 1 }
        } else {
            return None;
        };
        // `main.t`
        while words.get(at + 1).is_some_and(|word| word.text == "." && word.kind == Kind::Sign) {
            at += 2;
        }
        words.get(at).map(|word| word.text)
    }

    /// Returns the statement with `CAST(? AS INTEGER)` in place of the parameters that are
    /// integers.
    ///
    /// The platform binds every number as a real; an integer is bound as its text, so that no digit
    /// is lost. The plus removes the affinity of the cast: compared with a column, the value
    /// behaves as a bound integer does, and an index is used.
    pub(crate) fn with_integers(&self, is_integer: impl Fn(usize) -> bool) -> String {
        let mut sql = String::with_capacity(self.text.len() + 32);
        let (mut copied, mut next) = (0, 0);
        for word in self.words.iter().filter(|word| word.kind == Kind::Parameter) {
            let index = match word.text.get(1..).and_then(|digits| digits.parse::<usize>().ok()) {
                Some(number) => number.saturating_sub(1),
                None => next,
            };
            next = next.max(index + 1);
            if is_integer(index) {
                sql.push_str(self.text.get(copied..word.start).unwrap_or_default());
                sql.push_str("+CAST(");
                sql.push_str(word.text);
                sql.push_str(" AS INTEGER)");
                copied = word.end;
            }
        }
        sql.push_str(self.text.get(copied..).unwrap_or_default());
        sql
    }

    fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        let names = self.words.iter().filter(|word| matches!(word.kind, Kind::Bare | Kind::Quoted));
        names.map(|word| word.text)
    }
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn effect(sql: &str) -> Result<Effect, Refusal> {
        Statement::parse(sql)?.effect()
    }

    #[test]
    fn knows_what_reads_and_what_writes() {
        for sql in [
            "SELECT 1",
            "  select * from t;",
            "VALUES (1)",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "with recursive a(x) as (values(1) union all select x+1 from a limit 3), b as (select 1) select * from a, b",
            "-- a comment\nSELECT 'DELETE'; -- another",
            "/* INSERT */ SELECT \"update\"",
        ] {
            assert_eq!(effect(sql), Ok(Effect::Reads), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (1)",
            "replace into t values (1)",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "WITH a AS (SELECT 1)\u{feff}DELETE FROM t",
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "UPDATE OR IGNORE t SET a = 1",
            "CREATE TABLE IF NOT EXISTS t(a)",
            "CREATE UNIQUE INDEX i ON t(a)",
            "DROP TABLE t",
            "ALTER TABLE t ADD COLUMN b",
        ] {
            assert_eq!(effect(sql), Ok(Effect::Writes), "{sql}");
        }
        for sql in [
            "BEGIN",
            "SAVEPOINT a",
            "PRAGMA user_version",
            "ATTACH 'x' AS y",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1 END",
            "EXPLAIN SELECT 1",
            "VACUUM",
            "WITH a AS (SELECT 1)",
        ] {
            assert_eq!(effect(sql), Err(Refusal::Forbidden), "{sql}");
        }
    }

    #[test]
    fn refuses_a_second_statement_and_what_has_no_end() {
        assert_eq!(effect("SELECT 1; DELETE FROM t"), Err(Refusal::Several));
        assert_eq!(effect("SELECT 1;;"), Ok(Effect::Reads));
        assert_eq!(effect("SELECT ';'"), Ok(Effect::Reads));
        assert_eq!(effect("SELECT 'it''s; fine'"), Ok(Effect::Reads));
        for sql in ["SELECT 'open", "SELECT \"open", "SELECT [open", "/* open"] {
            assert_eq!(effect(sql), Err(Refusal::Open), "{sql}");
        }
        for sql in ["", ";", "-- nothing", "/* nothing */"] {
            assert_eq!(effect(sql), Err(Refusal::Empty), "{sql}");
        }
        assert_eq!(effect("SELECT :name"), Err(Refusal::NamedParameter));
    }

    #[test]
    fn finds_the_table_that_is_written() {
        let target = |sql| Statement::parse(sql).unwrap().target();
        for sql in [
            "INSERT INTO messages VALUES (1)",
            "INSERT INTO \u{b}messages VALUES (1)",
            "insert or replace into \"messages\" select * from other",
            "WITH a AS (DELETE) UPDATE main.messages SET x = 1",
            "UPDATE OR ROLLBACK [messages] SET x = 1",
            "DELETE FROM main . `messages` WHERE a IN (SELECT b FROM c)",
        ] {
            assert_eq!(target(sql), Some("messages"), "{sql}");
        }
        assert_eq!(target("CREATE TABLE messages(a)"), None);
    }

    #[test]
    fn finds_names_in_any_quotes_and_case() {
        let statement = Statement::parse("SELECT '_lunora_a' FROM [_LUNORA_meta]").unwrap();
        assert!(statement.mentions_prefix("_lunora_"));
        assert!(statement.mentions("_lunora_META"));
        assert!(!Statement::parse("SELECT '_lunora_a'").unwrap().mentions_prefix("_lunora_"));
    }

    #[test]
    fn integers_are_cast_where_they_are_bound_and_nowhere_else() {
        let sql = "SELECT ?, '?', ?2, ? -- ?";
        let cast = Statement::parse(sql).unwrap().with_integers(|index| index != 1);
        assert_eq!(cast, "SELECT +CAST(? AS INTEGER), '?', ?2, +CAST(? AS INTEGER) -- ?");
    }

    proptest! {
        #[test]
        fn never_panics_on_any_text(text in ".*") {
            if let Ok(statement) = Statement::parse(&text) {
                let _ = statement.effect();
                let _ = statement.target();
                let _ = statement.with_integers(|_| true);
            }
        }
    }
}
