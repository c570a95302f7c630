use lunora::{Response, testing};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    testing::builder()
        .shard_do(namespace)
        .resolve_identity(async |request, _env| request.cookie("user").map(str::to_owned))
        .build();
}
