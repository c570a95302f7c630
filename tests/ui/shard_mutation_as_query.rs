use lunora::shard::prelude::*;

fn send(_: &Mutation<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:send" => send },
}

fn main() {}
