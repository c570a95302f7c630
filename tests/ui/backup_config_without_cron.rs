use lunora::{prelude::*, testing::MemoryObjectStore};

fn backup(store: MemoryObjectStore) -> BackupConfig<MemoryObjectStore> {
    BackupConfig::builder().store(store).build()
}

fn main() {
    let _ = backup;
}
