//! The object that knows which channels there are.

use lunora::{ShardRegistryObject, SqlRegistryStorage};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

#[durable_object(fetch)]
pub struct ShardRegistry {
    registry: ShardRegistryObject<SqlRegistryStorage>,
}

impl DurableObject for ShardRegistry {
    fn new(state: State, _env: Env) -> Self {
        let storage = SqlRegistryStorage::new(state.storage().sql());
        Self { registry: ShardRegistryObject::new(storage) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let request: lunora::Request = request.try_into()?;
        self.registry.fetch(request).await.try_into()
    }
}
