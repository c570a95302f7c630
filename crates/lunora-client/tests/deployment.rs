//! The client against the drill on workerd, by e2e/rust-client.test.mjs; nothing is checked without its variables.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{env, time::Duration};

use lunora_client::{Client, Error, FanOutAnswer, FunctionRef, Merge, Mutation, Query};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Add {
    count: u32,
    bytes: u32,
    label: String,
}

#[derive(Deserialize)]
struct Note {
    text: String,
}

#[derive(Serialize)]
struct Beyond {
    n: u64,
}

#[derive(Deserialize)]
struct Message {
    author: String,
}

const ADD: FunctionRef<Mutation, Add, u32> = FunctionRef::from_static("notes:add");
const LIST: FunctionRef<Query, (), Vec<Note>> = FunctionRef::from_static("notes:list");
const BEYOND: FunctionRef<Query, Beyond, (u64, f64)> = FunctionRef::from_static("drill:beyond");

fn one(label: &str) -> Add {
    Add { count: 1, bytes: 0, label: label.to_owned() }
}

/// Returns a client of the deployment at the address in a variable.
fn client(variable: &str) -> Option<Client> {
    Some(Client::new(&env::var(variable).ok()?).unwrap())
}

async fn texts(client: &Client, shard: &str) -> Vec<String> {
    let notes = client.query(LIST, &()).shard(shard).await.unwrap();
    notes.into_iter().map(|note| note.text).collect()
}

#[tokio::test]
async fn a_mutation_is_seen_by_a_query() {
    let Some(client) = client("LUNORA_TEST_URL") else { return };
    assert_eq!(client.mutation(ADD, &one("typed")).shard("rust").await.unwrap(), 1);
    let by_path: u32 = client.mutation("notes:add", &one("path")).shard("rust").await.unwrap();
    assert_eq!(by_path, 1);
    assert_eq!(texts(&client, "rust").await, ["typed 0 ", "path 0 "]);
    let count = client.query(LIST, &()).across::<Vec<Note>>("notes", Merge::Concat);
    let answer: FanOutAnswer<Vec<Note>> = count.await.unwrap();
    assert_eq!(answer.failed, 0);
    assert!(answer.data.iter().any(|note| note.text == "typed 0 "));
}

#[tokio::test]
async fn a_mutation_whose_answer_is_lost_is_applied_once() {
    // The proxy drops the first answer to each body.
    let Some(client) = client("LUNORA_TEST_LOSSY_URL") else { return };
    assert_eq!(client.mutation(ADD, &one("lost")).shard("lossy").await.unwrap(), 1);
    assert_eq!(texts(&client, "lossy").await, ["lost 0 "]);
    let mut batch = client.batch();
    let slot = batch.add(client.mutation(ADD, &one("batch")).shard("lossy"));
    assert_eq!(batch.send().await.unwrap().get(&slot).unwrap(), 1);
    assert_eq!(texts(&client, "lossy").await, ["lost 0 ", "batch 0 "]);
    let error = client.action::<_, ()>("drill:absent", &()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "an action is sent once: {error:?}");
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_call() {
    let Some(client) = client("LUNORA_TEST_URL") else { return };
    let mut batch = client.batch();
    let added = batch.add(client.mutation(ADD, &one("first")).shard("batch"));
    let notes = batch.add(client.query(LIST, &()).shard("batch"));
    let absent = batch.add::<_, ()>(client.query("notes:absent", &()).shard("batch"));
    let answers = batch.send().await.unwrap();
    assert_eq!(answers.get(&added).unwrap(), 1);
    assert_eq!(answers.get(&notes).unwrap().len(), 1);
    let error = answers.get(&absent).unwrap_err();
    assert_eq!(error.code(), Some("FUNCTION_NOT_FOUND"), "{error:?}");
}

#[tokio::test]
async fn an_error_has_its_code_and_its_status() {
    let Some(client) = client("LUNORA_TEST_URL") else { return };
    let error = client.query::<_, ()>("notes:absent", &()).await.unwrap_err();
    let Error::Server(error) = error else { panic!("{error:?}") };
    assert_eq!((&*error.code, error.status), ("FUNCTION_NOT_FOUND", 404));
}

#[tokio::test]
async fn an_integer_beyond_2_53_crosses_exactly() {
    let Some(client) = client("LUNORA_TEST_URL") else { return };
    for n in [(1 << 53) + 1, u64::MAX - 1] {
        let (next, number) = client.query(BEYOND, &Beyond { n }).await.unwrap();
        assert_eq!(next, n + 1);
        assert!(!number.is_finite(), "{number}");
    }
}

#[tokio::test]
async fn a_token_names_the_caller_and_a_wrong_one_is_rejected() {
    let Some(chat) = client("LUNORA_TEST_CHAT_URL") else { return };
    let signed = chat.clone().token(env::var("LUNORA_TEST_CHAT_TOKEN").unwrap());
    let send = serde_json::json!({ "text": "hi" });
    let sent: Message = signed.mutation("messages:send", &send).shard("general").await.unwrap();
    assert_eq!(sent.author, "ada");
    let wrong = chat.token("wrong");
    let sent = wrong.mutation::<_, Message>("messages:send", &send).shard("general").await;
    let error = sent.err().unwrap();
    let Error::Server(error) = error else { panic!("{error:?}") };
    assert!(matches!(error.status, 401 | 403), "{error:?}");
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_up() {
    let Some(client) = client("LUNORA_TEST_SILENT_URL") else { return };
    let error = client.query(LIST, &()).timeout(Duration::from_millis(100)).await.err().unwrap();
    assert!(matches!(&error, Error::Transport(it) if it.is_timeout()), "{error:?}");
}
