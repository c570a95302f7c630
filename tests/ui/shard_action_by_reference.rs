use lunora::shard::prelude::*;

async fn digest(_: &Action, _: NoArgs) -> Result<u32, LunoraError> {
    Ok(1)
}

lunora::shard! {
    pub struct Room;
    functions: { action "messages:digest" => digest },
}

fn main() {}
