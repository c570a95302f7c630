//! The deployment that is checked, and what was given to check it with.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use ureq::http::{HeaderValue, Request};

use super::{ConformanceArgs, REACHABLE_WITHIN, case::Need};
use crate::{client::Client, failure::Failure};

pub(crate) struct Target {
    pub(crate) client: Client,
    /// The `authorization` of the user.
    user: Option<String>,
    /// The `authorization` of the operator.
    admin: Option<String>,
    query: Option<Function>,
    mutation: Option<Function>,
    pub(crate) shard: Option<String>,
    /// Distinguishes the ids of this run from those of every other one.
    pub(crate) run: String,
}

/// Returns a credential, which is visible ASCII.
#[allow(clippy::needless_pass_by_value, reason = "it is mapped over an option")]
fn text(bearer: HeaderValue) -> String {
    bearer.to_str().unwrap_or_default().to_owned()
}

/// A function of the deployment, and arguments for it.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) path: String,
    pub(crate) args: Map<String, Value>,
}

impl Target {
    /// `admin` is the `authorization` of the operator.
    pub(super) fn new(
        client: Client,
        args: &ConformanceArgs,
        admin: Option<HeaderValue>,
    ) -> Result<Self, Failure> {
        let token = args.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        let user = token.map(|token| client.bearer_of(token)).transpose()?;
        let function = |path: &Option<String>, args: &Map<String, Value>| {
            path.clone().map(|path| Function { path, args: args.clone() })
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            query: function(&args.query, &args.query_args),
            mutation: function(&args.mutation, &args.mutation_args),
            shard: args.shard.clone(),
            run: format!("conformance-{:x}-{:x}", now.as_nanos(), std::process::id()),
            client,
            user: user.map(text),
            admin: admin.map(text),
        })
    }

    /// Fails if nothing answers at the address.
    pub(super) fn reach(&self) -> Result<(), Failure> {
        let url = self.url("/_lunora/status");
        let request = Request::get(&url).body(Vec::new());
        let request = request.map_err(|error| Failure::Usage(format!("{url}: {error}")))?;
        match self.client.exchange(request, Duration::from_secs(REACHABLE_WITHIN)) {
            Ok(_) => Ok(()),
            Err(source) => Err(Failure::Unreachable { url, source: source.into() }),
        }
    }

    /// Returns the URL of a path, which is sent as it is written.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.client.url().trim_end_matches('/'))
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The admin's `authorization`; empty without a token, which [`Need::Admin`] rules out.
    pub(crate) fn admin(&self) -> &str {
        self.admin.as_deref().unwrap_or_default()
    }

    /// The query; empty without one, which [`Need::Query`] rules out.
    pub(crate) fn query(&self) -> Function {
        self.query.clone().unwrap_or_else(Function::empty)
    }

    /// The mutation; empty without one, which [`Need::Mutation`] rules out.
    pub(crate) fn mutation(&self) -> Function {
        self.mutation.clone().unwrap_or_else(Function::empty)
    }

    pub(crate) fn has(&self, need: Need) -> bool {
        match need {
            Need::Admin => self.admin.is_some(),
            Need::Query => self.query.is_some(),
            Need::Mutation => self.mutation.is_some(),
        }
    }

    /// Replaces the tokens in a text that is going to be printed.
    pub(crate) fn redact(&self, text: &str) -> String {
        let bearers = [&self.user, &self.admin].into_iter().flatten();
        let tokens = bearers.filter_map(|bearer| bearer.strip_prefix("Bearer "));
        tokens.fold(text.to_owned(), |text, token| {
            // As it stands in a header, and in the URL of a live connection.
            let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            text.replace(token, "[token]").replace(&encoded, "[token]")
        })
    }
}

impl Function {
    fn empty() -> Self {
        Self { path: String::new(), args: Map::new() }
    }

    /// Returns it with an argument more.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.args.insert(name.to_owned(), value);
        self
    }
}
