//! The words of a statement, outside of comments.

/// A word, a sign or a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) kind: Kind,
    /// The word without its quotes.
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The number of parentheses that are open around it.
    pub(super) depth: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A keyword or a name.
    Bare,
    /// A name in quotes.
    Quoted,
    /// A text, a number or a blob.
    Literal,
    /// `?` or `?7`.
    Parameter,
    /// Anything else, one character each.
    Sign,
}

/// The reason why a statement is refused before SQLite sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("a text, a name or a comment in it has no end")]
    Open,
    #[error("there is no statement in it")]
    Empty,
    #[error("there is more than one statement in it")]
    Several,
    #[error("values are bound as `?` or `?1`; names such as `:name` are not known here")]
    NamedParameter,
    #[error("a statement of this kind cannot be run by a function")]
    Forbidden,
}

/// Splits a statement into its words.
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Option<Word<'a>>, Refusal> {
        self.skip_space()?;
        let start = self.at;
        let Some(first) = self.peek(0) else { return Ok(None) };
        let mut depth = self.depth;
        let kind = match first {
            b'\'' => {
                self.skip_quoted(b'\'')?;
                Kind::Literal
            }
            b'"' | b'`' => {
                self.skip_quoted(first)?;
                Kind::Quoted
            }
            b'[' => {
                let rest = self.text.get(start..).unwrap_or_default();
                self.at += rest.find(']').ok_or(Refusal::Open)? + 1;
                Kind::Quoted
            }
            b'x' | b'X' if self.peek(1) == Some(b'\'') => {
                self.at += 1;
                self.skip_quoted(b'\'')?;
                Kind::Literal
            }
            b'?' => {
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_digit());
                Kind::Parameter
            }
            b':' | b'@' | b'$' | b'#' => return Err(Refusal::NamedParameter),
            b'0'..=b'9' => {
                self.skip_while(is_word);
                Kind::Literal
            }
            byte if is_word(byte) => {
                self.skip_while(is_word);
                Kind::Bare
            }
            byte => {
                self.at += 1;
                match byte {
                    b'(' => self.depth += 1,
                    b')' => {
                        self.depth = self.depth.saturating_sub(1);
                        depth = self.depth;
                    }
                    _ => {}
                }
                Kind::Sign
            }
        };
        let whole = self.text.get(start..self.at).unwrap_or_default();
        let text = match kind {
            Kind::Quoted => whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default(),
            _ => whole,
        };
        Ok(Some(Word { kind, text, start, end: self.at, depth }))
    }

    fn skip_space(&mut self) -> Result<(), Refusal> {
        loop {
            // SQLite takes a vertical tab for a space behind another one, and refuses it elsewhere.
            if self.peek(0).is_some_and(|byte| byte.is_ascii_whitespace()) {
                self.skip_while(|byte| byte.is_ascii_whitespace() || byte == b'\x0b');
            }
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.starts_with(BYTE_ORDER_MARK) {
                self.at += BYTE_ORDER_MARK.len_utf8();
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                self.at += comment.find("*/").ok_or(Refusal::Open)? + 4;
            } else {
                return Ok(());
            }
        }
    }

    /// Skips from a quote to its end; a doubled quote is a character.
    fn skip_quoted(&mut self, quote: u8) -> Result<(), Refusal> {
        loop {
            self.at += 1;
            match self.peek(0) {
                None => return Err(Refusal::Open),
                Some(byte) if byte == quote => {
                    self.at += 1;
                    if self.peek(0) != Some(quote) {
                        return Ok(());
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&test) {
            self.at += 1;
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }
}

/// SQLite takes it for a space where a word could begin.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Returns whether a byte belongs to a name or a keyword; every byte beyond ASCII does.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
