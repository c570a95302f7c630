use lunora::prelude::*;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder().shard_do(env.durable_object("SHARD")?).build())
}

lunora::serve!(app, queue, mail);

fn main() {}
