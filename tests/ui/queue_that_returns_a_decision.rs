use lunora::{Response, events::QueueDecision, testing};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    testing::builder()
        .shard_do(namespace)
        .queue("jobs", async |_batch, _env, _ctx| QueueDecision::Ack)
        .email(async |_email, _env, _ctx| {})
        .email(async |_email, _env, _ctx| {})
        .build();
}
