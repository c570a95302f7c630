//! The credential of a session: in a cookie, as a bearer, or in the URL of a socket.

use crate::{
    errors::LunoraError,
    message::{Request, Response},
};

use super::secret::{Purpose, SessionSecret};

/// The length of 32 bytes in base64url.
const PART: usize = 43;

/// A token whose signature is valid.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Credential<'a> {
    pub(super) token: std::borrow::Cow<'a, str>,
    pub(super) is_cookie: bool,
}

impl<'a> Credential<'a> {
    /// Reads the credential of a request: its bearer, on an upgrade else `?token=`, else its cookie. One of
    /// another form belongs to another resolver and is not read. A forged cookie is none.
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED` for a forged bearer.
    pub(super) fn of(
        request: &'a Request,
        secret: &SessionSecret,
    ) -> Result<Option<Self>, LunoraError> {
        let in_url = || request.is_upgrade().then(|| request.query("token")).flatten();
        let bearer = request.bearer().map(Into::into).or_else(|| in_url().map(Into::into));
        if let Some(bearer) =
            bearer.filter(|bearer: &std::borrow::Cow<'_, str>| split(bearer).is_some())
        {
            let Some(token) = verified(&bearer, secret) else { return Err(ended()) };
            return Ok(Some(Self { token: token.to_owned().into(), is_cookie: false }));
        }
        let token =
            request.cookie(cookie_name(request)).and_then(|cookie| verified(cookie, secret));
        Ok(token.map(|token| Self { token: token.into(), is_cookie: true }))
    }
}

/// Returns the error for a credential that is forged, or whose session has ended.
pub(super) fn ended() -> LunoraError {
    LunoraError::unauthorized("the session has ended: sign in again")
}

/// Returns the credential that holds a token.
pub(super) fn signed(token: &str, secret: &SessionSecret) -> String {
    format!("{token}.{}", secret.sign(Purpose::Session, token))
}

/// Sets the cookie of a session.
pub(super) fn with_cookie(
    response: Response,
    request_is_https: bool,
    credential: &str,
    lifetime_s: u64,
) -> Response {
    let (name, secure) = if request_is_https { (SECURE, " Secure;") } else { (PLAIN, "") };
    let cookie = format!(
        "{name}={credential}; Path=/; Max-Age={lifetime_s}; HttpOnly;{secure} SameSite=Lax"
    );
    response.with_header("set-cookie", cookie)
}

/// Returns whether the request came over https.
pub(super) fn is_https(request: &Request) -> bool {
    request.uri().scheme_str() == Some("https")
}

/// A browser accepts this name only over https, from the host itself, and for every path: no page of
/// another subdomain sets it.
const SECURE: &str = "__Host-lunora.session";
/// Over plain http, in development, a browser refuses the other name.
const PLAIN: &str = "lunora.session";

fn cookie_name(request: &Request) -> &'static str {
    if is_https(request) { SECURE } else { PLAIN }
}

fn split(credential: &str) -> Option<(&str, &str)> {
    let parts = credential.split_once('.')?;
    let is_part = |part: &str| {
        part.len() == PART
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (is_part(parts.0) && is_part(parts.1)).then_some(parts)
}

fn verified<'a>(credential: &'a str, secret: &SessionSecret) -> Option<&'a str> {
    let (token, signature) = split(credential)?;
    secret.verifies(Purpose::Session, token, signature).then_some(token)
}
