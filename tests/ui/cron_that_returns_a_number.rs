use lunora::{Response, testing};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    testing::builder()
        .shard_do(namespace)
        .cron(lunora::cron!("0 3 * * *"), async |_event, _env, _ctx| 1)
        .build();
}
