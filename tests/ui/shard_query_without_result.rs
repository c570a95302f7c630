use lunora::shard::prelude::*;

fn count(_: &Query<'_>, _: NoArgs) -> u32 {
    1
}

lunora::shard! {
    pub struct Room;
    functions: { query "messages:count" => count },
}

fn main() {}
