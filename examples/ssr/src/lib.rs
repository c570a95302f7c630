//! Pages that are rendered on the server, by [maud](https://maud.lambda.xyz), around a backend.

mod pages;

use lunora::{
    compose::{compose_worker, resolve_lunora_options},
    prelude::*,
};

pub use notes::Notes;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(compose_worker(resolve_lunora_options(env)?, pages::render))
}

lunora::serve!(app);
