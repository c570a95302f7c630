//! Parsers that are private to the crate, for the fuzzer. Not a public interface.
#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::must_use_candidate,
    reason = "not a public interface"
)]

use http::HeaderMap;

use crate::{
    errors::LunoraError,
    message::Request,
    shard::SqlValue,
    wire::{Identity, ShardKey},
};

/// One call of a batch.
pub struct BatchCall {
    pub id: String,
    pub shard_key: Option<ShardKey>,
    pub entry: String,
}

pub fn batch(json: &[u8]) -> Result<Vec<BatchCall>, LunoraError> {
    let calls = crate::wire::batch::from_slice(json)?.into_iter();
    Ok(calls
        .map(|call| BatchCall { id: call.id, shard_key: call.shard_key, entry: call.entry })
        .collect())
}

/// Returns the path and the arguments that a shard reads in the body of a call.
pub fn shard_call(json: &[u8]) -> Result<(String, String), LunoraError> {
    crate::shard::parse_call(json)
}

/// Returns the body of a call as its shard receives it.
pub fn shard_body(envelope: &crate::wire::RpcEnvelope) -> Vec<u8> {
    envelope.to_shard_body()
}

pub fn is_client_frame(text: &str) -> bool {
    crate::shard::live::is_client_frame(text)
}

/// Returns the lines of a text that arrives in `pieces`; `None` for a line that is too long.
pub fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(u64, Option<Vec<u8>>)> {
    let (mut lines, mut cut) = (crate::wire::lines::Lines::default(), Vec::new());
    let mut keep =
        |number, line: Result<&[u8], _>| cut.push((number, line.ok().map(<[u8]>::to_vec)));
    for piece in pieces {
        lines.push(piece, &mut keep);
    }
    lines.finish(&mut keep);
    cut
}

pub fn is_reserved(path: &[u8]) -> bool {
    crate::wire::paths::is_reserved(path)
}

pub fn read_cursor(cursor: &str) -> Option<Vec<SqlValue>> {
    crate::shard::read_cursor(cursor)
}

pub fn write_cursor(position: Vec<SqlValue>) -> Result<String, LunoraError> {
    crate::shard::write_cursor(position)
}

/// What a shard finds out of a statement before SQLite sees it.
pub struct Outline {
    /// `None` for a kind of statement that is refused.
    pub reads: Option<bool>,
    pub target: Option<String>,
    pub mentions_own_tables: bool,
    /// The statement with every parameter cast, and with none.
    pub cast: [String; 2],
}

pub fn statement(sql: &str) -> Option<Outline> {
    let statement = crate::shard::Statement::parse(sql).ok()?;
    Some(Outline {
        reads: statement.effect().ok().map(|effect| effect == crate::shard::Effect::Reads),
        target: statement.target().map(str::to_owned),
        mentions_own_tables: statement.mentions_prefix("_lunora_"),
        cast: [statement.with_integers(|_| true), statement.with_integers(|_| false)],
    })
}

/// Returns the mutation id, the client id and the client's number of a call.
pub fn write_ids(headers: &HeaderMap) -> (Option<String>, Option<String>, Option<u64>) {
    let ids = crate::shard::write_ids(headers);
    (ids.mutation_id, ids.client_id, ids.client_seq)
}

pub fn minted_expiry_ms(headers: &HeaderMap) -> Option<u64> {
    crate::wire::identity::minted_expiry_ms(headers)
}

pub fn mint(identity: &Identity, headers: &mut HeaderMap) {
    identity.mint(headers);
}

pub fn check_expected_subject(
    headers: &HeaderMap,
    identity: Option<&Identity>,
) -> Result<(), LunoraError> {
    crate::wire::identity::check_expected_subject(headers, identity)
}

/// Returns the headers that a call and an upgrade carry to their shard.
pub fn forwarded(headers: &HeaderMap) -> [HeaderMap; 2] {
    let mut request = Request::get("https://worker.test/");
    request.headers_mut().clone_from(headers);
    [crate::pipeline::hop::for_rpc(&request), crate::pipeline::hop::for_upgrade(&request)]
}
