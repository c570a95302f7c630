//! Calls through a transport that answers from a list.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use lunora_client::{
    Action, BoxFuture, Client, Error, FanOutAnswer, FunctionRef, Merge, Mutation, NoArgs, Query,
    Transport, TransportError,
    value::{Date, Value},
};
use serde::Serialize;
use serde_json::{Value as Json, json};

const URL: &str = "https://app.example.com";

/// `None` is an answer that is lost.
type Scripted = Option<Response<Vec<u8>>>;

/// Answers each request with the next entry, and remembers it.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Scripted>>>,
    requests: Arc<Mutex<Vec<Request<Vec<u8>>>>>,
    never: bool,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Option<(u16, Json)>>) -> Self {
        let answers = answers.into_iter().map(|answer| {
            let (status, body) = answer?;
            Response::builder().status(status).body(body.to_string().into()).ok()
        });
        Self { answers: Arc::new(Mutex::new(answers.collect())), ..Self::default() }
    }

    fn client(&self) -> Result<Client, Error> {
        Client::with_transport(URL, self.clone())
    }

    fn requests(&self) -> Vec<(http::HeaderMap, Json)> {
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        let read = |request: Request<Vec<u8>>| {
            let (parts, body) = request.into_parts();
            (parts.headers, serde_json::from_slice(&body).unwrap())
        };
        requests.into_iter().map(read).collect()
    }
}

impl Transport for Script {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        self.requests.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front().flatten();
        Box::pin(async move {
            if self.never {
                std::future::pending::<()>().await;
            }
            answer.ok_or_else(|| TransportError::new("connection reset"))
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        // Pauses between retries take no time; the time of a call does.
        let is_pause = duration <= Duration::from_secs(10) && !self.never;
        Box::pin(async move {
            if !is_pause && !self.never {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[derive(Serialize)]
struct Send {
    text: &'static str,
    n: u64,
}

const SEND: FunctionRef<Mutation, Send, u64> = FunctionRef::from_static("messages:send");
const LIST: FunctionRef<Query, NoArgs, Vec<String>> = FunctionRef::from_static("messages:list");
const NOTIFY: FunctionRef<Action, NoArgs, ()> = FunctionRef::from_static("messages:notify");

fn refused(status: u16, code: &str) -> Option<(u16, Json)> {
    Some((
        status,
        json!({ "error": { "code": code, "message": "no", "hint": { "title": "try" } } }),
    ))
}

const LOST: Option<(u16, Json)> = None;

#[tokio::test]
async fn a_call_has_its_function_its_shard_and_tagged_integers() -> Result<(), Error> {
    let big = json!(["$lunora.wire$", "bigint", "18446744073709551615"]);
    let script = Script::of([Some((200, json!({ "result": big, "commitCursor": 3 })))]);
    let client = script.client()?.token("secret");
    let sent = client.mutation(SEND, &Send { text: "hi", n: u64::MAX }).shard("room:1").await?;
    assert_eq!(sent, u64::MAX);
    let [(headers, body)] = &script.requests()[..] else { panic!("one request") };
    assert_eq!(
        *body,
        json!({ "functionPath": "messages:send", "args": { "text": "hi", "n": big }, "shardKey": "room:1" })
    );
    assert_eq!(headers["authorization"], "Bearer secret");
    assert_eq!(headers["x-lunora-mutation-id"].len(), 32);
    assert_eq!(headers["x-lunora-client-id"].len(), 32);
    Ok(())
}

#[tokio::test]
async fn a_query_has_no_mutation_id_and_no_arguments_are_an_object() -> Result<(), Error> {
    let script =
        Script::of([Some((200, json!({ "result": ["a"] }))), Some((200, json!({ "result": 1 })))]);
    let client = script.client()?;
    assert_eq!(client.query(LIST, &NoArgs {}).await?, ["a"]);
    let count: u8 = client.query("messages:count", &()).await?;
    assert_eq!(count, 1);
    for (headers, body) in script.requests() {
        assert!(!headers.contains_key("x-lunora-mutation-id"));
        assert!(!headers.contains_key("authorization"));
        assert_eq!(body["args"], json!({}));
    }
    Ok(())
}

#[tokio::test]
async fn a_mutation_keeps_its_id_across_retries() -> Result<(), Error> {
    let gateway = Some((502, json!("bad gateway")));
    let script = Script::of([
        LOST,
        gateway,
        refused(503, "SHARD_UNAVAILABLE"),
        Some((200, json!({ "result": 1 }))),
    ]);
    let args = Send { text: "hi", n: 1 };
    assert_eq!(script.client()?.mutation(SEND, &args).await?, 1);
    let requests = script.requests();
    assert_eq!(requests.len(), 4);
    let id = |at: usize| &requests[at].0["x-lunora-mutation-id"];
    assert!((1..4).all(|at| id(at) == id(0)));
    Ok(())
}

#[tokio::test]
async fn two_mutations_have_two_ids_and_a_chosen_one_is_kept() -> Result<(), Error> {
    let script = Script::of([1, 2, 3].map(|n| Some((200, json!({ "result": n })))));
    let client = script.client()?.client_id("c-1");
    let args = Send { text: "hi", n: 1 };
    client.mutation(SEND, &args).await?;
    client.mutation(SEND, &args).await?;
    client.mutation(SEND, &args).mutation_id("m-1").await?;
    let requests = script.requests();
    let id = |at: usize| requests[at].0["x-lunora-mutation-id"].clone();
    assert_ne!(id(0), id(1));
    assert_eq!(id(2), "m-1");
    assert_eq!(requests[2].0["x-lunora-client-id"], "c-1");
    Ok(())
}

#[tokio::test]
async fn an_action_is_sent_once() -> Result<(), Error> {
    let script = Script::of([LOST]);
    let error = script.client()?.action(NOTIFY, &NoArgs {}).await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error:?}");
    assert_eq!(script.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn retries_are_bounded() -> Result<(), Error> {
    let script = Script::of([]);
    let error = script.client()?.retries(2).query(LIST, &NoArgs {}).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer: connection reset");
    assert_eq!(script.requests().len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_error_with_a_code_is_not_retried() -> Result<(), Error> {
    let body = json!({ "error": {
        "code": "NO_SUCH_ROOM", "message": "no room", "hint": "open one", "docsUrl": "https://docs",
        "data": { "at": ["$lunora.wire$", "date", 5] },
    } });
    let script = Script::of([Some((404, body))]);
    let error = script.client()?.query(LIST, &NoArgs {}).await.unwrap_err();
    let Error::Server(error) = error else { panic!("{error:?}") };
    assert_eq!((&*error.code, error.status), ("NO_SUCH_ROOM", 404));
    assert_eq!(error.hint.as_deref(), Some("open one"));
    let data = Value::Object([("at".into(), Date::from_millis(5.0).into())].into());
    assert_eq!(error.data, Some(data));
    assert_eq!(error.to_string(), "NO_SUCH_ROOM: no room");
    assert_eq!(script.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn waits_as_long_as_the_deployment_asks_and_not_for_minutes() -> Result<(), Error> {
    let script = Script::of([refused(429, "RATE_LIMITED"), refused(429, "RATE_LIMITED")]);
    for (at, seconds) in [(0, "3"), (1, "60")] {
        let mut answers = script.answers.lock().unwrap();
        let headers = answers[at].as_mut().unwrap().headers_mut();
        headers.insert("retry-after", http::HeaderValue::from_static(seconds));
    }
    let error = script.client()?.query(LIST, &NoArgs {}).await.unwrap_err();
    assert!(error.is_transient());
    let Error::Server(error) = error else { panic!("{error:?}") };
    assert_eq!(error.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(script.requests().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_rejected_token_is_asked_for_again_once() -> Result<(), Error> {
    let script = Script::of([refused(401, "TOKEN_EXPIRED"), Some((200, json!({ "result": [] })))]);
    let count = Arc::new(Mutex::new(0));
    let client = script.client()?.token_with(move || {
        *count.lock().unwrap() += 1;
        let token = format!("token-{}", count.lock().unwrap());
        async { Ok::<_, Error>(token) }
    });
    client.query(LIST, &NoArgs {}).await?;
    let tokens: Vec<_> = script.requests().iter().map(|it| it.0["authorization"].clone()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2"]);
    let fixed = Script::of([refused(401, "UNAUTHORIZED")]);
    let error = fixed.client()?.token("wrong").query(LIST, &NoArgs {}).await.unwrap_err();
    assert_eq!(error.code(), Some("UNAUTHORIZED"));
    assert_eq!(fixed.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn no_secret_is_in_an_error_or_in_the_debug_text() -> Result<(), Error> {
    let script = Script::of([LOST]);
    let client = script.client()?.token("s3cret").retries(0);
    let error = client.query(LIST, &NoArgs {}).await.unwrap_err();
    assert!(!format!("{client:?} {error:?} {error}").contains("s3cret"));
    let error = script.client()?.token("s3 cret").query(LIST, &NoArgs {}).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("cret"));
    let plain = Client::with_transport("http://app.example.com", script.clone())?.token("s3cret");
    let error = plain.query(LIST, &NoArgs {}).await.unwrap_err();
    assert!(error.to_string().contains("use https"));
    assert_eq!(script.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_up() -> Result<(), Error> {
    let script = Script { never: true, ..Script::of([]) };
    let client = script.client()?;
    let error = client.query(LIST, &NoArgs {}).timeout(Duration::from_millis(5)).await.unwrap_err();
    assert!(matches!(&error, Error::Transport(it) if it.is_timeout()), "{error:?}");
    assert_eq!(error.to_string(), "no answer within 5 ms");
    Ok(())
}

#[tokio::test]
async fn a_result_of_another_type_is_a_decode_error() -> Result<(), Error> {
    let script = Script::of([Some((200, json!({ "result": 1 }))), Some((200, json!("a page")))]);
    let client = script.client()?;
    for _ in 0..2 {
        let error = client.query(LIST, &NoArgs {}).await.unwrap_err();
        assert!(matches!(error, Error::Decode(_)), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_has_a_typed_result_for_each_call() -> Result<(), Error> {
    let results = json!([
        { "id": 1, "status": 403, "body": { "error": { "code": "FORBIDDEN", "message": "no" } } },
        { "id": 0, "status": 200, "body": { "result": ["a"] } },
    ]);
    let script = Script::of([LOST, Some((200, json!({ "results": results })))]);
    let client = script.client()?;
    let mut batch = client.batch();
    let names = batch.add(client.query(LIST, &NoArgs {}).shard("a"));
    let sent = batch.add(client.mutation(SEND, &Send { text: "hi", n: 1 }));
    let absent = batch.add(client.query(LIST, &NoArgs {}));
    let answers = batch.send().await?;
    assert_eq!(answers.get(&names)?, ["a"]);
    assert_eq!(answers.get(&sent).unwrap_err().code(), Some("FORBIDDEN"));
    assert!(matches!(answers.get(&absent), Err(Error::Decode(_))));
    let requests = script.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].1, requests[1].1);
    let calls = &requests[0].1["calls"];
    assert_eq!(
        calls[0],
        json!({ "id": 0, "functionPath": "messages:list", "args": {}, "shardKey": "a" })
    );
    assert!(calls[1]["mutationId"].is_string() && calls[1]["clientId"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_batch_with_an_action_is_sent_once() -> Result<(), Error> {
    let script = Script::of([LOST]);
    let client = script.client()?;
    let mut batch = client.batch();
    batch.add(client.action(NOTIFY, &NoArgs {}));
    assert!(batch.send().await.is_err());
    assert_eq!(script.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_query_across_shards_names_its_table() -> Result<(), Error> {
    let failure =
        json!({ "code": "SHARD_ERROR", "message": "m", "shardKey": "b", "timedOut": true });
    let body = json!({ "data": ["a"], "errors": [failure], "failed": 1, "ok": 2 });
    let script = Script::of([Some((200, body))]);
    let client = script.client()?;
    let merge = Merge::TopK { k: 3, by: "_creationTime".into(), direction: Default::default() };
    let answer: FanOutAnswer<Vec<String>> =
        client.query(LIST, &NoArgs {}).across("messages", merge).await?;
    assert_eq!((answer.data, answer.failed, answer.ok), (vec!["a".to_owned()], 1, 2));
    assert!(answer.errors[0].timed_out);
    let merge = json!({ "kind": "topK", "k": 3, "by": "_creationTime", "direction": "desc" });
    assert_eq!(script.requests()[0].1["fanOut"], json!({ "table": "messages", "merge": merge }));
    Ok(())
}

#[tokio::test]
async fn a_read_after_a_write_carries_its_bookmark() -> Result<(), Error> {
    let script = Script::of([1, 2].map(|n| Some((200, json!({ "result": n })))));
    let bookmark = http::HeaderValue::from_static("b-1");
    script.answers.lock().unwrap()[0]
        .as_mut()
        .unwrap()
        .headers_mut()
        .insert("x-d1-bookmark", bookmark);
    let client = script.client()?;
    client.mutation(SEND, &Send { text: "hi", n: 1 }).await?;
    let _: u32 = client.query("messages:count", &()).await?;
    assert_eq!(script.requests()[1].0["x-d1-bookmark"], "b-1");
    Ok(())
}

#[test]
fn rejects_a_password_in_the_url_without_showing_it() {
    let error = Client::new("https://ada:s3cret@app.example.com").err().unwrap();
    assert!(!format!("{error:?} {error}").contains("s3cret"));
}

#[test]
fn rejects_a_url_that_is_not_an_origin() {
    for url in [
        "app.example.com",
        "ftp://app.example.com",
        "https://app.example.com/api",
        "https://a.example/?x",
    ] {
        assert!(matches!(Client::new(url), Err(Error::Usage(_))), "{url}");
    }
}
