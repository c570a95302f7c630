use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages");

fn list(_: &Query<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:list" => list },
    tables: MESSAGES,
}

fn main() {}
