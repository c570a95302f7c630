use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages");

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

const POSTS: Table = table!("posts");

#[derive(serde::Deserialize, serde::Serialize)]
struct Message {
    text: String,
}

fn same(message: Message) -> Result<Option<Message>, LunoraError> {
    Ok(Some(message))
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:list" => list },
    migrations: {
        "add-text" on MESSAGES => { up: same },
        "add-text" on MESSAGES => { up: same },
        "add-author" on POSTS => { up: same },
    },
    tables: [MESSAGES],
}

fn main() {}
