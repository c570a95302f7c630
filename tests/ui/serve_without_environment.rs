use lunora::prelude::*;

fn app() -> Result<Lunora, LunoraError> {
    Err(LunoraError::unauthorized("not yet"))
}

lunora::serve!(app);

fn main() {}
