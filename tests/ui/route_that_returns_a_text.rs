use lunora::{Response, testing};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    testing::builder()
        .shard_do(namespace)
        .route(lunora::route!("/ping"), async |_request, _env, _ctx| "pong")
        .build();
}
