//! What the endpoints do, without HTTP.

use std::{rc::Rc, time::Duration};

use base64::Engine;
use serde_json::{Map, Value};

use super::{
    address::{Address, digest},
    code::{self, CodeMail},
    credential::{self, Credential},
    secret::{Purpose, SessionSecret},
    tables::{NewSession, Tables, number, text},
};
use crate::{
    errors::{Code, LunoraError},
    message::Request,
    platform::{Clock, hex},
    wire::identity::BASE64_URL,
};

/// How long a code is valid.
const CODE_LIFETIME: Duration = Duration::from_mins(10);
/// The number of attempts at a code.
const ATTEMPTS: u32 = 5;
/// The age from which a session is renewed, unless half its lifetime is shorter.
const RENEW_AFTER: Duration = Duration::from_hours(24);
/// How long the token before stays valid, so that two tabs do not sign each other out.
const OVERLAP: Duration = Duration::from_mins(1);
/// The maximum length of what is kept of `user-agent`, in characters.
const USER_AGENT: usize = 200;

/// A number of codes in a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendLimit {
    pub(super) codes: u32,
    pub(super) per: Duration,
}

/// Users, sessions and codes under one secret.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) tables: Tables,
    pub(super) secret: SessionSecret,
    pub(super) clock: Rc<dyn Clock>,
    pub(super) lifetime: Duration,
    pub(super) per_address: SendLimit,
    pub(super) per_client: SendLimit,
}

/// A session that is alive, and the credential for the cookie if it changed.
pub(super) struct Live {
    /// The row of the session, with that of its user.
    pub(super) row: Map<String, Value>,
    pub(super) renewed: Option<String>,
}

impl Keeper {
    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Makes a code for an address, for the application to send.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for an invalid address, 429 `RATE_LIMITED` over a limit.
    pub(super) async fn make_code(
        &self,
        email: &str,
        client_ip: Option<&str>,
        random: impl FnMut() -> [u8; 32],
    ) -> Result<CodeMail, LunoraError> {
        let address = Address::parse(email)?;
        // First: a client over its limit must not use up that of an address.
        if let Some(client) = client_ip.map(network) {
            let key = self.secret.sign(Purpose::Limit, &client);
            self.check_limit(&key, self.per_client).await?;
        }
        self.check_limit(&address.digest(), self.per_address).await?;
        let code = code::draw(random);
        let now = self.now();
        let hash = self.secret.sign(Purpose::Code, &with_address(&address, &code));
        self.tables.put_code(&address.digest(), &hash, now, now + ms(CODE_LIFETIME)).await?;
        Ok(CodeMail { address: address.as_str().to_owned(), code, lifetime: CODE_LIFETIME })
    }

    async fn check_limit(&self, key: &str, limit: SendLimit) -> Result<(), LunoraError> {
        let now = self.now();
        match self.tables.count_sent(key, limit.codes, now, now + ms(limit.per)).await? {
            None => Ok(()),
            Some(until) => {
                let message = "too many codes were sent: ask for one after the time of Retry-After";
                let wait = Duration::from_millis(until.saturating_sub(now));
                Err(LunoraError::new(Code::RateLimited, message).with_retry_after(wait))
            }
        }
    }

    /// Signs in with a code. Returns the credential and the row of the user.
    ///
    /// # Errors
    /// 400 `INVALID_OTP` unless it is the newest code of the address, valid and unused; 403
    /// `BANNED_USER`.
    pub(super) async fn sign_in(
        &self,
        email: &str,
        code: &str,
        user_agent: Option<&str>,
        mut random: impl FnMut() -> [u8; 32],
    ) -> Result<(String, Map<String, Value>), LunoraError> {
        let address = Address::parse(email)?;
        let hash = address.digest();
        let now = self.now();
        if !code::is_code(code) {
            return Err(invalid_code());
        }
        let Some(kept) = self.tables.count_attempt(&hash, ATTEMPTS, now).await? else {
            return Err(invalid_code());
        };
        let is_right = self.secret.verifies(Purpose::Code, &with_address(&address, code), &kept);
        if !is_right || !self.tables.use_code(&hash, &kept).await? {
            return Err(invalid_code());
        }
        let token = BASE64_URL.encode(random());
        let user_agent: Option<String> =
            user_agent.map(|text| text.chars().take(USER_AGENT).collect());
        let session = NewSession {
            id: &new_id(&mut random),
            token_hash: &digest(&token),
            user_agent: user_agent.as_deref(),
            expires_at: now + ms(self.lifetime),
        };
        let user_id = new_id(&mut random);
        let made = self.tables.put_session(&user_id, address.as_str(), session, now).await?;
        let (user, true) = made else {
            return Err(LunoraError::custom("BANNED_USER", 403, "this user is banned"));
        };
        Ok((credential::signed(&token, &self.secret), user))
    }

    /// Returns the session of a request; `None` without a credential, or if a cookie's session ended.
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED` for a bearer that is forged, or whose session ended.
    pub(super) async fn find(
        &self,
        request: &Request,
    ) -> Result<Option<Map<String, Value>>, LunoraError> {
        let Some(credential) = Credential::of(request, &self.secret)? else { return Ok(None) };
        self.find_by(&credential).await
    }

    async fn find_by(
        &self,
        credential: &Credential<'_>,
    ) -> Result<Option<Map<String, Value>>, LunoraError> {
        match self.tables.find_session(&digest(&credential.token), self.now()).await? {
            None if !credential.is_cookie => Err(credential::ended()),
            found => Ok(found),
        }
    }

    /// Returns the session of a request as [`find`](Self::find) does, and renews it if it is old. A cookie
    /// gets another token; a bearer, which no answer replaces, keeps its own.
    pub(super) async fn find_and_renew(
        &self,
        request: &Request,
        mut random: impl FnMut() -> [u8; 32],
    ) -> Result<Option<Live>, LunoraError> {
        let Some(credential) = Credential::of(request, &self.secret)? else { return Ok(None) };
        let Some(mut row) = self.find_by(&credential).await? else { return Ok(None) };
        let now = self.now();
        let is_young = now < number(&row, "renewed_at") + ms(RENEW_AFTER.min(self.lifetime / 2));
        // The token before was renewed by another request, whose answer has the new one.
        if is_young || number(&row, "is_current") == 0 {
            return Ok(Some(Live { row, renewed: None }));
        }
        let (hash, expires_at) = (digest(&credential.token), now + ms(self.lifetime));
        let mut renewed = None;
        if credential.is_cookie {
            let token = BASE64_URL.encode(random());
            let old_until = now + ms(OVERLAP);
            if self.tables.rotate(&hash, &digest(&token), old_until, now, expires_at).await? {
                renewed = Some(credential::signed(&token, &self.secret));
            }
        } else {
            self.tables.prolong(&hash, now, expires_at).await?;
        }
        row.insert("renewed_at".to_owned(), now.into());
        row.insert("expires_at".to_owned(), expires_at.into());
        Ok(Some(Live { row, renewed }))
    }

    /// Ends the session of a request, if it has one.
    pub(super) async fn sign_out(&self, request: &Request) -> Result<(), LunoraError> {
        let Ok(Some(credential)) = Credential::of(request, &self.secret) else { return Ok(()) };
        self.tables.end_by_token(&digest(&credential.token), self.now()).await
    }

    /// Returns the id of the caller.
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED` without a session.
    pub(super) async fn require(&self, request: &Request) -> Result<String, LunoraError> {
        let row =
            self.find(request).await?.ok_or_else(|| LunoraError::unauthorized("sign in first"))?;
        Ok(text(&row, "user_id").to_owned())
    }
}

/// Returns a random id: 128 bits, in hexadecimal digits.
pub(super) fn new_id(random: &mut impl FnMut() -> [u8; 32]) -> String {
    let bytes = random();
    hex(bytes.get(..16).unwrap_or_default())
}

/// Wrong, used, expired, replaced, or none at all: the answer does not tell.
fn invalid_code() -> LunoraError {
    LunoraError::custom("INVALID_OTP", 400, "the code is wrong or no longer valid: ask for another")
}

fn with_address(address: &Address, code: &str) -> String {
    format!("{}\n{code}", address.as_str())
}

/// Returns what a limit counts a client under: its address, of IPv6 the network of 64 bits, in which one
/// client has every address.
fn network(ip: &str) -> String {
    match ip.trim().parse() {
        Ok(std::net::IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => ip.trim().to_owned(),
    }
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_an_ipv6_network_counts_as_one_client() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
