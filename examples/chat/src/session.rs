//! Bearer tokens: `<base64url claims>.<base64url HMAC-SHA256>`.

use std::rc::Rc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use lunora::{
    platform::{Clock, CloudflareClock, Environment},
    prelude::*,
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A secret that is shorter, or empty, could be guessed.
const SHORTEST_SECRET: usize = 16;

/// How long a token is good for.
const LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Signs tokens and checks them.
#[derive(Clone)]
pub struct Sessions {
    secret: Rc<str>,
}

/// What a token says.
#[derive(Deserialize, Serialize)]
struct Claims {
    name: String,
    expires_at_ms: u64,
}

/// What signing in answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    token: String,
    name: String,
    expires_at_ms: u64,
}

impl Sessions {
    /// Takes the secret from `AUTH_SECRET`.
    pub fn from_env(env: &impl Environment) -> Result<Self, LunoraError> {
        let secret = env.var("AUTH_SECRET").filter(|secret| secret.len() >= SHORTEST_SECRET);
        let secret = secret.ok_or_else(|| {
            LunoraError::new(
                Code::Misconfigured,
                "AUTH_SECRET is not set, or has fewer than 16 characters: put it into .dev.vars, or run `npx wrangler secret put AUTH_SECRET`",
            )
        })?;
        Ok(Self { secret: secret.into() })
    }

    /// A token for `name`.
    pub fn sign_in(&self, name: &str) -> Result<Session, LunoraError> {
        let expires_at_ms = CloudflareClock.now_ms() + LIFETIME_MS;
        let claims = Claims { name: name.to_owned(), expires_at_ms };
        let claims =
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).map_err(LunoraError::internal)?);
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&claims)?.finalize().into_bytes());
        Ok(Session { token: format!("{claims}.{signature}"), name: name.to_owned(), expires_at_ms })
    }

    /// Returns who sent `request`: anonymous without a token, an error with an invalid one.
    pub fn identify(&self, request: &Request) -> Result<Option<Identity>, LunoraError> {
        // A browser's socket carries no header: its token comes in the URL.
        let in_url = if request.is_upgrade() { request.query("token") } else { None };
        let Some(token) = request.bearer().or(in_url.as_deref()) else {
            return Ok(None);
        };
        let claims = self
            .verify(token)
            .ok_or_else(|| LunoraError::unauthorized("the token is not valid"))?;
        if claims.expires_at_ms <= CloudflareClock.now_ms() {
            return Err(LunoraError::unauthorized("the token has expired; sign in again"));
        }
        let expires_at_ms = i64::try_from(claims.expires_at_ms).unwrap_or(i64::MAX);
        Ok(Some(Identity::user(claims.name).expires_at_ms(expires_at_ms)))
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        let (claims, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(claims).ok()?.verify_slice(&signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    fn mac(&self, claims: &str) -> Result<Hmac<Sha256>, LunoraError> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .map_err(LunoraError::internal)?;
        Ok(mac.chain_update(claims))
    }
}
