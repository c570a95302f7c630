use lunora::shard::prelude::*;

struct Sent {
    text: String,
}

fn send(_: &Mutation<'_>, args: Sent) -> Result<usize, LunoraError> {
    Ok(args.text.len())
}

lunora::shard! {
    pub struct Room;
    functions: { mutation "messages:send" => send },
}

fn main() {}
