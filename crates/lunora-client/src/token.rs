//! The credential of a client.

use std::{fmt, future::Future, sync::Arc};

use crate::{BoxFuture, Error, MaybeSend, MaybeSync, error::BoxError};

/// Supplies the bearer token of each request.
#[derive(Clone, Default)]
pub(crate) enum Token {
    #[default]
    Absent,
    Fixed(Arc<str>),
    Asked(Arc<dyn Source>),
}

/// A closure that supplies tokens.
pub(crate) trait Source: MaybeSend + MaybeSync {
    fn ask(&self) -> BoxFuture<'_, Result<String, BoxError>>;
}

struct Closure<F>(F);

impl<F, U, E> Source for Closure<F>
where
    F: Fn() -> U + MaybeSend + MaybeSync,
    U: Future<Output = Result<String, E>> + MaybeSend + 'static,
    E: Into<BoxError>,
{
    fn ask(&self) -> BoxFuture<'_, Result<String, BoxError>> {
        let asked = (self.0)();
        Box::pin(async move { asked.await.map_err(Into::into) })
    }
}

impl Token {
    pub(crate) fn asked<F, U, E>(ask: F) -> Self
    where
        F: Fn() -> U + MaybeSend + MaybeSync + 'static,
        U: Future<Output = Result<String, E>> + MaybeSend + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::Asked(Arc::new(Closure(ask)))
    }

    /// Tells whether another request may have another token.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    pub(crate) async fn get(&self) -> Result<Option<String>, Error> {
        match self {
            Self::Absent => Ok(None),
            Self::Fixed(token) => Ok(Some(token.to_string())),
            Self::Asked(source) => {
                let failed = |error| Error::Usage(format!("the token cannot be supplied: {error}"));
                source.ask().await.map(Some).map_err(failed)
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Fixed(_) | Self::Asked(_) => "[redacted]",
        })
    }
}
