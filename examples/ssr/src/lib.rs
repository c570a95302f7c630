//! Pages that are rendered on the server, by [maud](https://maud.lambda.xyz), around a backend.

mod pages;

use lunora::{compose_worker, prelude::*, resolve_lunora_options};

pub use notes::Notes;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(compose_worker(resolve_lunora_options(env)?, pages::render))
}

lunora::serve!(app);
