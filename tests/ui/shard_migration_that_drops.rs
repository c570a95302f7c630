use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages").index("by_author", &["author"]);

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:list" => list },
    migrations: {
        "drop-index" drops "messages.by_author",
    },
    tables: [MESSAGES],
}

fn main() {}
