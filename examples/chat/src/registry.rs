//! The object that lists the channels.

lunora::shard_registry! {
    /// Lists the channels.
    pub struct ShardRegistry;
}
