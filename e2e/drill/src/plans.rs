//! Documents in D1: changed by an action of a shard, and listed by a route of the Worker.

use lunora::{globals::Globals, prelude::*, shard::prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) const PLANS: Table<Plan> = table!("plans").index("by_seats", &["seats", "name"]);

#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Plan {
    name: String,
    seats: u32,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddSeat {
    plan: String,
}

/// Adds a seat to a plan, which is made for the first one.
pub(crate) async fn add_seat(ctx: Action, args: AddSeat) -> Result<u32, LunoraError> {
    let globals = Globals::new(ctx.env()?.d1(crate::DATABASE)?);
    let first = Plan { name: args.plan.clone(), seats: 1 };
    match globals.insert_with_id(PLANS, args.plan.as_str(), first).await {
        Err(error) if error.code() == "CONFLICT" => {
            let more = |plan: Plan| Ok(Plan { seats: plan.seats + 1, ..plan });
            Ok(globals.update(PLANS, &args.plan, more).await?.seats)
        }
        made => Ok(made?.seats),
    }
}

/// Answers one page of the plans, the largest first.
pub(crate) async fn list(request: Request, env: &Env) -> Result<Response, LunoraError> {
    let globals = Globals::new(env.d1(crate::DATABASE)?);
    let plans = globals.table(PLANS).index("by_seats").order(Direction::Desc);
    Response::json(&plans.paginate(request.query("cursor").as_deref(), 2).await?)
}
