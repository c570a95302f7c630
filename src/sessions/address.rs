//! Addresses of e-mail.

use std::fmt;

use crate::{errors::LunoraError, platform::hex};

/// A checked address in lower case. It is printed as `Address(..)`, so that no log has it by accident.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Address(String);

impl Address {
    /// The maximum length, in bytes.
    const MAX: usize = 254;

    /// Reads an address: trimmed, in lower case, one `@` between a name and a domain.
    ///
    /// Only ASCII is accepted: letters of other scripts have lower cases that are letters of ASCII, so
    /// that two addresses could become one. A domain of another script is written in punycode.
    ///
    /// # Errors
    /// 400 `BAD_REQUEST` for anything else.
    pub(super) fn parse(text: &str) -> Result<Self, LunoraError> {
        let address = text.trim().to_ascii_lowercase();
        let valid = address.len() <= Self::MAX
            && address
                .split_once('@')
                .is_some_and(|(name, domain)| is_name(name) && is_domain(domain));
        if !valid {
            return Err(LunoraError::bad_request(
                "`email` is not the address of an e-mail account",
            ));
        }
        Ok(Self(address))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 of the address.
    pub(super) fn digest(&self) -> String {
        digest(&self.0)
    }
}

/// Returns the SHA-256 of a text, in hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};

    hex(&Sha256::digest(text))
}

fn is_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    (1..=64).contains(&name.len())
        && name.bytes().all(allowed)
        && name.split('.').all(|part| !part.is_empty())
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_in_lower_case() {
        let parsed = Address::parse("  Ada.Lovelace+X@Example.COM ").ok();
        assert_eq!(parsed.as_ref().map(Address::as_str), Some("ada.lovelace+x@example.com"));
        assert!(Address::parse("ada@localhost").is_ok());
    }

    #[test]
    fn rejects_what_is_no_address_or_more_than_one() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a b@example.com",
            "a@b@c.com",
            "ada@example..com",
            "ada@-example.com",
            "a@example.com,b@example.com",
            ".a@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "<a@example.com>",
            "a@exam ple.com",
            &long,
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rejects_an_address_beyond_ascii() {
        // The Kelvin sign becomes a `k` in lower case.
        for text in ["\u{212a}ate@example.com", "kate@\u{212a}.com", "ädа@example.com"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_not_printed() {
        let parsed = Address::parse("ada@example.com").ok();
        assert!(!format!("{parsed:?}").contains("ada"));
    }
}
