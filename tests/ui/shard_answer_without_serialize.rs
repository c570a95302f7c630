use lunora::shard::prelude::*;

struct Message {
    text: String,
}

fn newest(_: &Query<'_>, _: NoArgs) -> Result<Option<Message>, LunoraError> {
    Ok(Some(Message { text: String::new() }))
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:newest" => newest },
}

fn main() {}
