use lunora::shard::prelude::*;

fn send(_: &mut Mutation<'_>, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { mutation "messages:send" => send },
}

fn main() {}
