use lunora::{
    LunoraError,
    shard::{Mutation, NoArgs},
};

fn send(_: &Mutation<'_>, _: NoArgs) -> Result<(), LunoraError> {
    Ok(())
}

lunora::shard! {
    pub struct Room;
    functions: {
        mutation "messages:send" => send,
        internal mutation "messages:sweep" => send,
    },
    rest: {
        "GET /messages" => "messages:send",
        "POST messages" => "messages:send",
        "POST /sweep" => "messages:sweep",
    },
}

fn main() {}
