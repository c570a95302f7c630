use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages");

#[derive(serde::Deserialize, serde::Serialize)]
struct Message {
    text: String,
}

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

fn same(message: Message) -> Message {
    message
}

lunora::shard! {
    pub struct Room;
    tables: [MESSAGES],
    functions: { query "messages:list" => list },
    migrations: { "same" on MESSAGES => { up: same } },
}

fn main() {}
