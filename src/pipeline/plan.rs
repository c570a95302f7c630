//! A call of one shard, or an upgrade, that is decided and not sent yet, for a host that carries it out by itself.
//!
//! Everything that decides lies before the call, and what lies after it is a pure function of a few
//! facts: so nothing of a request has to be kept while its shard works.

use std::time::Duration;

use headers::HeaderMapExt;
use http::{HeaderValue, Method};

use super::{
    Lunora, answers,
    dispatch::{Call, Prepared},
    edge::RequestFacts,
    rare::rare,
    rpc,
    span::Span,
    websocket,
};
use crate::{
    errors::LunoraError,
    log,
    message::{Request, Response},
    platform::{Environment, ShardAddress, ShardNamespace},
    wire::{
        headers::{AnsweringShard, Trace},
        paths,
    },
};

/// What a call or an upgrade comes to before a shard is asked.
pub(crate) enum Planned {
    /// No shard is asked, or several were.
    Answer(Response),
    Call(Box<Plan>),
}

/// A request to one shard, and what its answer needs.
pub(crate) struct Plan {
    pub(crate) address: ShardAddress,
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
    pub(crate) dressing: Dressing,
    /// For the log, should the shard not answer.
    pub(crate) trace: String,
}

/// What the headers of an answer depend on, apart from those that the shard set.
pub(crate) struct Dressing {
    facts: RequestFacts,
    shard: Option<AnsweringShard>,
}

/// A character that no header value has.
const SEPARATOR: char = '\u{1f}';

impl Dressing {
    /// Returns the form in which the dressing leaves and comes back: equal texts dress equal answers
    /// alike.
    pub(crate) fn to_text(&self) -> String {
        let https = if self.facts.is_https() { "https" } else { "http" };
        let mut text = String::from(https);
        let values = [self.facts.origin(), self.shard.as_ref().map(AnsweringShard::value)];
        for value in
            values.map(|value| value.and_then(|value| str::from_utf8(value.as_bytes()).ok()))
        {
            text.push(SEPARATOR);
            if let Some(value) = value {
                text.push('=');
                text.push_str(value);
            }
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut fields = text.split(SEPARATOR);
        let https = fields.next() == Some("https");
        let mut value = || HeaderValue::from_str(fields.next()?.strip_prefix('=')?).ok();
        let facts = RequestFacts::of_a_call(https, value());
        Self { facts, shard: value().map(AnsweringShard::from_value) }
    }
}

impl<E: Environment> Lunora<E> {
    /// Decides a call of `POST /_lunora/rpc`, or an upgrade of `/_lunora/ws`, as
    /// [`fetch`](Self::fetch) does, up to the call of its shard.
    pub(crate) async fn plan(&self, mut request: Request, env: &E) -> Planned {
        let facts = RequestFacts::of(&request);
        let span = self.span(request.headers(), env);
        let prepared = async {
            let edge = self.edge(env);
            let prepared = match self.refuse(edge, &request).await {
                Ok(None) if request.path() == paths::WS => {
                    rare(websocket::prepare(self, edge, &request, env, &span)).await
                }
                Ok(None) => rpc::prepare(self, &mut request, env, &span).await,
                Ok(Some(refused)) => Ok(Prepared::Answer(refused)),
                Err(error) => Err(error),
            };
            prepared.unwrap_or_else(|error| Prepared::Answer(answers::error(&error)))
        };
        match span.run(prepared).await {
            Prepared::Call(call) => Planned::Call(Box::new(self.planned(call, facts, &span))),
            Prepared::Answer(mut response) => {
                self.edge(env).decorate(&facts, &mut response);
                Planned::Answer(response)
            }
        }
    }

    fn planned(&self, Call { key, mut request }: Call, facts: RequestFacts, span: &Span) -> Plan {
        let is_call = *request.method() == Method::POST;
        let answering = if is_call { AnsweringShard::of(&key) } else { None };
        let dressing = Dressing { facts, shard: answering };
        let shard = self.shard(key);
        let timeout = self.settings.shard_timeout;
        span.write(request.headers_mut());
        let address = shard.address().clone();
        let trace = span.parent().to_owned();
        Plan { address, request, timeout, dressing, trace }
    }

    /// Carries out a plan here. The response is complete.
    pub(crate) async fn carry_out(&self, plan: Plan, env: &E) -> Response {
        let trace = Trace::of(plan.request.headers());
        let call = self.ask(plan.address.key, plan.request);
        match log::in_trace(trace, call).await {
            Ok(mut response) => {
                self.dress(&plan.dressing, env, &mut response);
                response
            }
            Err(error) => self.undelivered(&plan.dressing, &plan.trace, env, &error),
        }
    }

    /// Completes the headers of a shard's answer.
    pub(crate) fn dress(&self, dressing: &Dressing, env: &E, answer: &mut Response) {
        if let Some(shard) = &dressing.shard {
            answer.headers_mut().typed_insert(shard.clone());
        }
        self.edge(env).decorate(&dressing.facts, answer);
    }

    /// Returns the complete response where the shard gave none.
    pub(crate) fn undelivered(
        &self,
        dressing: &Dressing,
        trace: &str,
        env: &E,
        error: &LunoraError,
    ) -> Response {
        let mut response = log::now_in_trace(Trace::from_parent(trace), || answers::error(error));
        self.edge(env).decorate(&dressing.facts, &mut response);
        response
    }

    /// Returns the namespace of the shards, if a host may carry out plans for it.
    ///
    /// A host reads the body of a call before it asks for the plan, and a rate limit decides before
    /// that. A record says how a request ended, which a host does not report.
    pub(crate) fn plans_for(&self) -> Option<&dyn ShardNamespace> {
        let settings = &self.settings;
        let is_planned = settings.rate_limit.is_none() && !settings.records_requests();
        is_planned.then_some(&*self.shards)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        origin,
        pipeline::{
            edge::{Cors, Security},
            hooks::RateLimit,
        },
        platform::{IsolateRateLimiter, NoopExecutionContext},
        testing::{MemoryEnvironment, MemoryNamespace, builder},
        wire::Identity,
    };

    /// A shard whose answer depends on the call: its status, its headers, its body.
    async fn shard(address: ShardAddress, request: Request) -> Response {
        let status = request.header("x-lunora-mutation-id").and_then(|id| id.parse().ok());
        Response::text(format!("{}: {:?}", address.key, request.header("x-lunora-userid")))
            .with_status(status.unwrap_or(200))
            .with_header("x-d1-bookmark", "b")
            .with_header("cache-control", "public")
    }

    fn app() -> Lunora<MemoryEnvironment> {
        builder()
            .shard_do(MemoryNamespace::new(shard))
            .security(
                Security::default()
                    .cors(Cors::origins([origin!("https://app.example.com")]).allow_credentials()),
            )
            .resolve_identity(async |request, _env| match request.bearer() {
                Some("ada") => Ok(Some(Identity::user("ada"))),
                Some(_) => Err(LunoraError::unauthorized("the token is not valid")),
                None => Ok(None),
            })
            .authorize_shard(async |access| access.shard_key.as_str() != "closed")
            .build()
    }

    /// What a host does with a plan.
    async fn carried_out(app: &Lunora<MemoryEnvironment>, request: Request) -> Response {
        let env = MemoryEnvironment::new();
        match app.plan(request, &env).await {
            Planned::Answer(response) => response,
            Planned::Call(plan) => {
                let dressing = Dressing::from_text(&plan.dressing.to_text());
                match app.shards.fetch(&plan.address, plan.request).await {
                    Ok(mut answer) => {
                        app.dress(&dressing, &env, &mut answer);
                        answer
                    }
                    Err(error) => app.undelivered(&dressing, &plan.trace, &env, &error.into()),
                }
            }
        }
    }

    async fn whole(response: Response) -> (u16, HeaderMap, Vec<u8>) {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (
            status,
            headers,
            response.into_parts().1.into_bytes(1 << 20).await.unwrap_or_default().to_vec(),
        )
    }

    proptest! {
        #[test]
        fn a_plan_that_is_carried_out_answers_as_fetch_does(
            key in prop_oneof![Just("closed".to_owned()), "[a-zé部\u{1f}\n:]{0,6}"],
            origin in prop::option::of(prop_oneof![
                Just("https://app.example.com"), Just("https://evil.example"), Just("https://x.test"), Just("null"),
            ]),
            token in prop::option::of(prop_oneof![Just("ada"), Just("mallory")]),
            cookie in any::<bool>(),
            scheme in prop_oneof![Just("https"), Just("http")],
            status in prop::option::of(prop_oneof![Just("204"), Just("409"), Just("500")]),
            path in prop_oneof![Just("messages:list"), Just("__lunora_admin__:x"), Just("__lunora_relation__:x"), Just("")],
            method in prop_oneof![9 => Just("POST"), 1 => Just("GET")],
            is_upgrade in prop::option::weighted(0.3, any::<bool>()),
        ) {
            let body = serde_json::json!({ "functionPath": path, "args": { "a": 1 }, "shardKey": key });
            let make = || {
                let method = http::Method::from_bytes(method.as_bytes()).unwrap_or_default();
                let mut request = match is_upgrade {
                    None => Request::new(method, format!("{scheme}://x.test/_lunora/rpc"), body.to_string()),
                    Some(_) => {
                        let query = form_urlencoded::Serializer::new(String::new()).append_pair("shard", &key).finish();
                        Request::new(method, format!("{scheme}://x.test/_lunora/ws?{query}"), "")
                    }
                };
                for (name, value) in [
                    ("upgrade", (is_upgrade == Some(true)).then_some("websocket")),
                    ("origin", origin), ("cookie", cookie.then_some("s=1")), ("x-lunora-mutation-id", status),
                ] {
                    if let Some(value) = value {
                        request = request.with_header(name, value);
                    }
                }
                match token {
                    Some(token) => request.with_header("authorization", format!("Bearer {token}")),
                    None => request,
                }
            };
            let app = app();
            let (fetched, carried) = block_on(async {
                let context = NoopExecutionContext;
                let fetched = app.fetch(make(), &MemoryEnvironment::new(), &context).await;
                (whole(fetched).await, whole(carried_out(&app, make()).await).await)
            });
            prop_assert_eq!(fetched, carried);
        }

        #[test]
        fn dressings_survive_the_crossing(text in "\\PC*") {
            let _ = Dressing::from_text(&text);
        }
    }

    #[test]
    fn a_worker_with_a_rate_limit_is_not_asked_for_plans() {
        assert!(app().plans_for().is_some());
        let limit = IsolateRateLimiter::new(1, Duration::from_secs(60));
        let limited = builder()
            .shard_do(MemoryNamespace::new(shard))
            .rate_limit(RateLimit::new(limit))
            .build();
        assert!(limited.plans_for().is_none());
    }
}
