use lunora::testing;

fn main() {
    testing::builder().shard_do("SHARD").build();
}
