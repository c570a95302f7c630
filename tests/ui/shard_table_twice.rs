use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages");

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

const POSTS: Table = table!("Messages");

lunora::shard! {
    pub struct Room;
    tables: [MESSAGES, POSTS],
    functions: { query "messages:list" => list },
}

fn main() {}
