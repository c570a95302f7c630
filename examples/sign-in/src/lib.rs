//! Sign-in by codes sent by e-mail: one shard of notes per user.

mod mail;
mod notes;
mod page;

use lunora::{
    prelude::*,
    sessions::{SessionSecret, Sessions},
};

pub use notes::Notes;

fn app(env: &Env) -> Result<Lunora, LunoraError> {
    let sessions = Sessions::new(env.d1("DB")?, SessionSecret::from_env(env)?)
        .send_code(async |mail, env| mail::send(&mail, env));
    Ok(Lunora::builder()
        .shard_do(env.durable_object("SHARD")?)
        .sessions(sessions)
        .authorize_shard(async |access| match &access.identity {
            // Each user has a shard of their own, named by the id.
            Some(it) => it.user_id() == Some(access.shard_key.as_str()),
            None => false,
        })
        .admin_token(AdminToken::from_env(env)?)
        .global_tables(env.d1("DB")?)
        .routes(page::routes())
        .routes(mail::routes(env))
        .build())
}

lunora::serve!(app);
