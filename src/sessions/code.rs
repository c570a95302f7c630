//! Codes, and how an application sends them.

use std::{fmt, time::Duration};

use futures::future::LocalBoxFuture;

use crate::errors::LunoraError;

/// The number of digits of a code.
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;

/// A code to send by e-mail. It is printed without the code and the address.
#[derive(Clone)]
pub struct CodeMail {
    pub(super) address: String,
    pub(super) code: String,
    pub(super) lifetime: Duration,
}

impl CodeMail {
    /// Returns the address to send it to: checked, and in lower case.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the code: six digits.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns how long the code is valid.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

impl fmt::Debug for CodeMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeMail").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// What sends codes: the closure of [`Sessions::send_code`](super::Sessions::send_code).
#[diagnostic::on_unimplemented(
    message = "sessions need a way to send their codes, and none was set",
    label = "call `.send_code(..)` on the sessions first",
    note = "`.send_code(async |mail, env| ..)` is given the address and the code, and sends the e-mail"
)]
pub trait CodeSender<E>: 'static {
    /// Sends a code.
    fn send<'a>(
        &'a self,
        mail: CodeMail,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>>;
}

/// Sessions for which `send_code` was not called yet.
#[derive(Clone, Copy, Debug)]
pub struct NoSender;

/// A closure that sends codes.
#[derive(Clone, Copy)]
pub struct SendCode<F>(pub(super) F);

impl<E, F> CodeSender<E> for SendCode<F>
where
    E: 'static,
    F: AsyncFn(CodeMail, &E) -> Result<(), LunoraError> + 'static,
{
    fn send<'a>(
        &'a self,
        mail: CodeMail,
        env: &'a E,
    ) -> LocalBoxFuture<'a, Result<(), LunoraError>> {
        Box::pin((self.0)(mail, env))
    }
}

impl<F> fmt::Debug for SendCode<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendCode(..)")
    }
}

/// Returns a code of random bytes, each with the same probability.
pub(super) fn draw(mut random: impl FnMut() -> [u8; 32]) -> String {
    // The numbers above the last multiple are not used: the small codes would come more often.
    const LIMIT: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let bytes = random();
        let (words, _) = bytes.as_chunks::<4>();
        let drawn = words.iter().map(|word| u32::from_le_bytes(*word)).find(|word| *word < LIMIT);
        if let Some(number) = drawn {
            return format!("{:0DIGITS$}", number % CODES);
        }
    }
}

/// Returns whether a text has the form of a code.
pub(super) fn is_code(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_digits_with_leading_zeros() {
        assert_eq!(draw(|| [0; 32]), "000000");
        assert!(is_code(&draw(|| [7; 32])));
        for text in ["", "12345", "1234567", "12345a", "１23456", " 12345"] {
            assert!(!is_code(text), "{text}");
        }
    }

    #[test]
    fn a_code_has_no_bias_because_the_numbers_past_the_last_multiple_are_drawn_again() {
        let mut bytes = [0xff; 32];
        bytes[4..8].copy_from_slice(&1_000_042_u32.to_le_bytes());
        assert_eq!(draw(|| bytes), "000042");
        bytes[..4].copy_from_slice(&4_294_000_000_u32.to_le_bytes());
        assert_eq!(draw(|| bytes), "000042");
        bytes[..4].copy_from_slice(&4_293_999_999_u32.to_le_bytes());
        assert_eq!(draw(|| bytes), "999999");
        let mut draws = vec![bytes, [0xff; 32]];
        assert_eq!(draw(|| draws.pop().unwrap_or_default()), "999999");
    }

    #[test]
    fn a_mail_is_printed_without_its_code_and_its_address() {
        let mail = CodeMail {
            address: "ada@example.com".into(),
            code: "123456".into(),
            lifetime: Duration::from_secs(600),
        };
        let printed = format!("{mail:?}");
        assert!(!printed.contains("ada") && !printed.contains("123456"), "{printed}");
    }
}
