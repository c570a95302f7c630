use lunora::{Response, testing};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    testing::builder()
        .shard_do(namespace)
        .authorize_shard(async |access| access.identity.clone())
        .build();
}
