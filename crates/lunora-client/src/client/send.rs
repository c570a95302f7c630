//! Sends requests: token, retries, time.

use std::{sync::PoisonError, time::Duration};

use http::{HeaderValue, Request, Response};

use super::Client;
use crate::{
    Error, TransportError,
    protocol::BOOKMARK,
    random::{LONGEST, backoff},
    transport::race,
};

/// How the request of a call is treated.
pub(crate) struct Terms {
    /// Whether it may be sent again.
    pub(crate) repeats: bool,
    /// Whether it may write: its answer moves the bookmark.
    pub(crate) writes: bool,
    /// The time, where it is not the client's.
    pub(crate) timeout: Option<Duration>,
}

/// What differs between the attempts of a call.
pub(crate) struct Attempt {
    pub(crate) bearer: Option<HeaderValue>,
    pub(crate) bookmark: Option<HeaderValue>,
}

impl Client {
    /// Sends a request until it is answered, fails for good, or the time is up.
    pub(crate) async fn send<T>(
        &self,
        terms: &Terms,
        request: impl Fn(Attempt) -> Result<Request<Vec<u8>>, Error>,
        read: impl Fn(&Response<Vec<u8>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let limit = terms.timeout.unwrap_or(self.timeout);
        let work = self.attempts(terms, request, read);
        let done = race(work, self.transport.sleep(limit)).await;
        done.unwrap_or_else(|| Err(TransportError::timeout(limit).into()))
    }

    async fn attempts<T>(
        &self,
        terms: &Terms,
        request: impl Fn(Attempt) -> Result<Request<Vec<u8>>, Error>,
        read: impl Fn(&Response<Vec<u8>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut retries = 0;
        let mut is_renewed = !self.token.is_asked();
        loop {
            let error = match self.attempt(terms, &request, &read).await {
                Ok(answer) => return Ok(answer),
                Err(error) if !terms.repeats => return Err(error),
                Err(error) => error,
            };
            if error.is_of_token() && !is_renewed {
                is_renewed = true;
                continue;
            }
            let asked = error.retry_after().unwrap_or_default();
            if !error.is_transient() || retries >= self.retries || asked > LONGEST {
                return Err(error);
            }
            self.transport.sleep(backoff(retries).max(asked)).await;
            retries += 1;
        }
    }

    async fn attempt<T>(
        &self,
        terms: &Terms,
        request: &impl Fn(Attempt) -> Result<Request<Vec<u8>>, Error>,
        read: &impl Fn(&Response<Vec<u8>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let token = self.token.get().await?;
        let bearer = token.map(|token| self.endpoint.bearer(&token)).transpose()?;
        let bookmark = self.bookmark.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let response = self.transport.send(request(Attempt { bearer, bookmark })?).await?;
        let seen = response.headers().get(BOOKMARK).filter(|_| terms.writes).cloned();
        if seen.is_some() {
            *self.bookmark.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
        read(&response)
    }
}
