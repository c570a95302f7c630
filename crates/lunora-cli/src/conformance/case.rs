//! A case of the table, and how it ends.

use crate::conformance::engine::Run;

/// A rule of the wire, and the check of it.
pub(crate) struct Case {
    /// The rule, in words that are joined by underscores.
    pub(crate) rule: &'static str,
    /// The heading of `docs/wire.md` that states it.
    pub(crate) section: &'static str,
    /// What the case cannot be checked without.
    pub(crate) needs: &'static [Need],
    pub(crate) check: fn(&mut Run<'_>) -> Checked,
}

impl Case {
    /// Returns the rule as a sentence.
    pub(crate) fn sentence(&self) -> String {
        self.rule.replace('_', " ")
    }
}

/// What only the caller of the command can give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    /// The admin token.
    Admin,
    /// A query that the caller may run.
    Query,
    /// A mutation that changes what the query answers.
    Mutation,
}

impl Need {
    /// Tells how to give it.
    pub(crate) fn missing(self) -> &'static str {
        match self {
            Self::Admin => "needs the admin token: set LUNORA_ADMIN_TOKEN",
            Self::Query => "needs a query: pass --query and --query-args",
            Self::Mutation => "needs a mutation: pass --mutation and --mutation-args; it writes",
        }
    }
}

/// The end of a check.
pub(crate) type Checked = Result<(), Mismatch>;

/// An answer that is not the expected one.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// What was sent.
    pub(crate) request: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}
