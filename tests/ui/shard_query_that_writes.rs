use lunora::shard::prelude::*;

#[derive(serde::Deserialize, serde::Serialize)]
struct Message {
    text: String,
}

const MESSAGES: Table<Message> = table!("messages");

fn sneak(ctx: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    ctx.db().insert(MESSAGES, Message { text: "x".into() })?;
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    tables: [MESSAGES],
    functions: {
        query "messages:sneak" => sneak,
    },
}

fn main() {}
