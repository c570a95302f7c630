use lunora::shard::prelude::*;

#[derive(serde::Deserialize, serde::Serialize)]
struct Message {
    text: String,
}

const MESSAGES: Table<Message> = table!("my messages");

fn main() {}
