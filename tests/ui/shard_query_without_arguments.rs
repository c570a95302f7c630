use lunora::shard::prelude::*;

fn list(_: &Query<'_>) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:list" => list },
}

fn main() {}
