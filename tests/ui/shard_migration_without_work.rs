use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages").index("by_author", &["author"]);

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:list" => list },
    migrations: {
        "nothing",
    },
    tables: [MESSAGES],
}

fn main() {}
