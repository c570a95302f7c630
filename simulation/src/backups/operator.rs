//! What an operator does: snapshots, restores, and rows that no function wrote.

use std::time::Duration;

use lunora::{
    Request,
    testing::{Answer, Client, Lost, World},
};
use serde_json::{Value, json};

use super::app::TABLES;
use crate::model::TOKEN;

/// What became of a restore.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Restored {
    /// Every row was restored.
    Finished,
    /// The snapshot was deleted, and no call before that was answered.
    Gone,
    /// No call was answered.
    Unknown,
    /// Rows are missing.
    Unfinished,
}

/// An operator of the deployment.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) world: World,
    client: Client,
}

impl Operator {
    pub(crate) fn new(world: &World) -> Self {
        let client = world.client().with_header("authorization", &format!("Bearer {TOKEN}"));
        Self { world: world.clone(), client }
    }

    /// Writes a token by one of the ways that pass no function. Returns whether it was acknowledged.
    pub(crate) async fn write(&self, shard: &str, id: &str) -> bool {
        let table = TABLES[self.world.choose(2) as usize % TABLES.len()];
        let doc = json!({ "_id": id, "text": id });
        let way = self.world.choose(3);
        self.world.note(|| {
            let way = ["writeRow", "import", "apply"][way as usize % 3];
            format!("the operator writes {id} to {table} of {shard:?} by {way}")
        });
        let answer = match way {
            0 => {
                let args =
                    json!({ "table": table, "op": "insert", "id": id, "doc": { "text": id } });
                self.client.call(shard, "__lunora_admin__:writeRow", &args).await
            }
            1 => self.import(shard, &json!({ "table": table, "doc": doc })).await,
            _ => {
                let change =
                    json!({ "seq": 1, "table": table, "id": id, "op": "insert", "doc": doc });
                let batch = json!({ "shardKey": shard, "changes": [change] });
                self.post("apply", &json!({ "batches": [batch] })).await
            }
        };
        let Ok(answer) = answer else { return false };
        let flawed = |report: &Value| {
            report["failed"].as_u64() > Some(0)
                || report["errors"].as_array().is_some_and(|errors| !errors.is_empty())
        };
        let shards = answer.body["shards"].as_array().cloned().unwrap_or_default();
        answer.is_ok() && !flawed(&answer.body) && !shards.iter().any(flawed)
    }

    async fn import(&self, shard: &str, row: &Value) -> Result<Answer, Lost> {
        let key: String = form_urlencoded::byte_serialize(shard.as_bytes()).collect();
        let url = format!("https://app.example.com/_lunora/admin/import?shardKey={key}");
        let request = Request::post(url, format!("{row}\n"));
        self.client.ask(request.with_header("content-type", "application/x-ndjson")).await
    }

    /// Restores a snapshot in place, a few rows per call, and repeats what gets no answer. Gives
    /// up after so many calls.
    pub(crate) async fn restore(&self, id: &str, calls: u32) -> Restored {
        let mut began = false;
        let mut from = Value::Null;
        for _ in 0..calls {
            let mut request = json!({ "id": id, "replace": true, "maxRows": 3 });
            if from.is_object() {
                request["from"] = from.clone();
            }
            let Ok(answer) = self.post("backup/restore", &request).await else { continue };
            self.world.note(|| format!("restore of {id} from {from}: {answer:?}"));
            match answer.code() {
                "" if answer.body["state"] == "finished" => return Restored::Finished,
                "" if answer.is_ok() => {
                    began = true;
                    from = answer.body["next"].clone();
                }
                "STORAGE_OBJECT_NOT_FOUND" if !began => return Restored::Gone,
                // Its answer was lost, and it is alive until its time is up.
                "RESTORE_IN_PROGRESS" => {
                    from = Value::Null;
                    self.world.advance(Duration::from_secs(16 * 60));
                }
                "RESTORE_UNFINISHED" => from = Value::Null,
                _ => {}
            }
        }
        if began { Restored::Unfinished } else { Restored::Unknown }
    }

    async fn post(&self, operation: &str, body: &Value) -> Result<Answer, Lost> {
        self.client.post(&format!("/_lunora/admin/{operation}"), body).await
    }
}
