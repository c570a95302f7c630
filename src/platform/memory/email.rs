//! In-memory e-mails: what became of them.

use std::{cell::RefCell, rc::Rc};

use futures::future::{FutureExt, LocalBoxFuture, ready};

use crate::{errors::LunoraError, platform::EmailHost};

/// An in-memory [`EmailHost`] that records what a handler does with its e-mail. A clone shares the
/// record.
///
/// ```
/// use lunora::{events::Email, testing::MemoryEmail};
///
/// # futures::executor::block_on(async {
/// let host = MemoryEmail::new();
/// let raw = "Subject: hello\r\n\r\nhello";
/// let mut email = Email::new("ada@example.com", "bot@example.com", host.clone())
///     .with_header("subject", "hello")
///     .with_raw(raw, 24);
/// assert_eq!((email.from(), email.to(), email.size()), ("ada@example.com", "bot@example.com", 24));
/// assert_eq!(email.raw(1024).await?, raw);
///
/// email.forward("inbox@example.com").await?;
/// email.reject("no more").await?;
/// assert_eq!(host.forwarded(), ["inbox@example.com"]);
/// assert_eq!(host.rejected().as_deref(), Some("no more"));
/// # Ok::<(), lunora::LunoraError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryEmail(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    forwarded: Vec<String>,
    rejected: Option<String>,
}

impl MemoryEmail {
    /// Returns the host of an e-mail that nothing was done with.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the addresses that the e-mail was forwarded to.
    #[must_use]
    pub fn forwarded(&self) -> Vec<String> {
        self.0.borrow().forwarded.clone()
    }

    /// Returns the reason with which the e-mail was rejected.
    #[must_use]
    pub fn rejected(&self) -> Option<String> {
        self.0.borrow().rejected.clone()
    }
}

impl EmailHost for MemoryEmail {
    fn forward<'a>(&'a self, to: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        self.0.borrow_mut().forwarded.push(to.to_owned());
        ready(Ok(())).boxed_local()
    }

    fn reject<'a>(&'a self, reason: &'a str) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        self.0.borrow_mut().rejected = Some(reason.to_owned());
        ready(Ok(())).boxed_local()
    }
}
