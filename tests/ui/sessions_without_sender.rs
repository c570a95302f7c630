use lunora::{
    Response,
    sessions::{SessionSecret, Sessions},
    testing::{self, MemoryEnvironment, MemoryDatabase},
};

fn main() {
    let namespace = testing::MemoryNamespace::new(async |_, _| Response::empty());
    let (Ok(store), Ok(secret)) = (MemoryDatabase::new(), SessionSecret::new("secret")) else { return };
    let sessions = Sessions::new_for::<MemoryEnvironment>(store, secret);
    testing::builder().shard_do(namespace).sessions(sessions).build();
}
