use lunora::prelude::*;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    Ok(Lunora::builder().operator_page().shard_do(env.durable_object("SHARD")?).build())
}

fn main() {
    let _ = app;
}
