//! Functions behind plain HTTP (docs/wire.md, "REST").

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;
use headers::CacheControl;
use http::{
    HeaderValue, Method,
    header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, VARY},
};
use serde_json::value::{RawValue, to_raw_value};

use super::FunctionRoutes;
use crate::{
    errors::LunoraError,
    functions::{FunctionInfo, FunctionKind, RestRoute},
    log,
    message::{Request, Response},
    pipeline::hooks::{Handler, RouteContext},
    wire::{ShardKey, paths::MAX_BODY},
};

/// The argument that names the shard.
const SHARD_KEY: &str = "shardKey";

/// A function behind one route.
pub(crate) struct Rest {
    function: String,
    route: RestRoute,
    /// The arguments that are texts; `None` if the types of the arguments are unknown.
    texts: Option<Vec<String>>,
}

/// The functions of an application behind their routes, in the order in which they are asked.
#[derive(Default)]
pub(super) struct RestTable(Vec<Rest>);

impl<E> FunctionRoutes<E> for RestTable {
    fn add(&mut self, functions: Vec<Rest>) {
        self.0.extend(functions);
    }

    fn find(&self, request: &Request) -> Option<&dyn Handler<E>> {
        let method = match *request.method() {
            Method::HEAD => Method::GET.as_str(),
            ref method => method.as_str(),
        };
        let is_asked = |rest: &&Rest| {
            rest.route.method() == method && rest.route.arguments(request.path()).is_some()
        };
        self.0.iter().find(is_asked).map(|rest| -> &dyn Handler<E> { rest })
    }

    fn methods(&self, path: &str) -> Vec<&str> {
        let on_path = self.0.iter().filter(|rest| rest.route.arguments(path).is_some());
        on_path.map(|rest| rest.route.method()).collect()
    }
}

type Args = BTreeMap<String, Box<RawValue>>;

impl Rest {
    /// Returns a function behind each of its routes. One that clients may not call, or that `GET` must not, has none.
    pub(crate) fn each_of(info: FunctionInfo) -> Vec<Self> {
        let texts = texts_of(&info);
        let is_callable = !info.internal && info.kind != FunctionKind::Stream;
        let mut all = Vec::new();
        for route in info.rest {
            if is_callable && (info.kind == FunctionKind::Query || route.method() != "GET") {
                all.push(Self { function: info.path.clone(), route, texts: texts.clone() });
            } else {
                log::error(&format!(
                    "`{route}` is not served: `{}` may not be behind it",
                    info.path
                ));
            }
        }
        all
    }

    async fn answer(
        &self,
        mut request: Request,
        ctx: &RouteContext<'_>,
    ) -> Result<Response, LunoraError> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let mut args = Args::new();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut shard = request.header("x-lunora-shard-key").map(str::to_owned);
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            if name == SHARD_KEY {
                shard = Some(text.into_owned());
            } else if reads {
                args.insert(name.to_string(), self.value(&name, &text, false)?);
            }
        }
        if !reads {
            args.extend(body_of(&mut request).await?);
        }
        for (name, text) in self.route.arguments(request.path()).unwrap_or_default() {
            if name == SHARD_KEY {
                shard = Some(text);
            } else {
                args.insert(name.to_owned(), self.value(name, &text, true)?);
            }
        }
        let mut functions = ctx.functions().clone();
        if let Some(key) = shard.filter(|key| !key.is_empty()) {
            let key =
                ShardKey::new(key).map_err(|error| LunoraError::bad_request(error.to_string()))?;
            functions = functions.for_shard(key);
        }
        let result: Box<RawValue> = functions.run_named(&self.function, &args).await?;
        let mut response = Response::raw_json(String::from(Box::<str>::from(result)));
        let policy = self.route.policy().filter(|_| reads);
        let Some(policy) = policy else {
            return Ok(response.with_typed(CacheControl::new().with_no_store()));
        };
        let is_personal =
            [AUTHORIZATION, COOKIE].iter().any(|name| request.headers().contains_key(name));
        let policy = if is_personal { policy.replace("public", "private") } else { policy.into() };
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(CACHE_CONTROL, policy);
            let vary = HeaderValue::from_static("authorization, cookie");
            response.headers_mut().append(VARY, vary);
        }
        Ok(response)
    }

    /// Returns the value of an argument in a URL: JSON, or a text where the argument is one or the URL has no JSON.
    /// Without known types a segment of the path is a text.
    fn value(&self, name: &str, text: &str, in_path: bool) -> Result<Box<RawValue>, LunoraError> {
        let is_text =
            self.texts.as_ref().map_or(in_path, |texts| texts.iter().any(|it| it == name));
        let json = (!is_text).then(|| serde_json::from_str(text).ok()).flatten();
        json.map_or_else(|| to_raw_value(text).map_err(LunoraError::internal), Ok)
    }
}

/// Reads the arguments in a body, which may be empty.
async fn body_of(request: &mut Request) -> Result<Args, LunoraError> {
    let body = request.bytes(MAX_BODY).await?;
    if body.is_empty() {
        return Ok(Args::new());
    }
    serde_json::from_slice(&body)
        .map_err(|_| LunoraError::bad_request("the body must be a JSON object of the arguments"))
}

/// Returns the names of the arguments whose schema is that of a text.
fn texts_of(info: &FunctionInfo) -> Option<Vec<String>> {
    let schema: serde_json::Value = serde_json::from_str(info.args.as_deref()?.get()).ok()?;
    let properties = schema.get("properties")?.as_object()?;
    let is_text = |schema: &serde_json::Value| match schema.get("type") {
        Some(serde_json::Value::String(kind)) => kind == "string",
        Some(serde_json::Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };
    let texts = properties.iter().filter(|(_, schema)| is_text(schema));
    Some(texts.map(|(name, _)| name.clone()).collect())
}

impl<E> Handler<E> for Rest {
    fn handle<'a>(
        &'a self,
        request: Request,
        _env: &'a E,
        ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(self.answer(request, ctx))
    }
}
