//! SHA-256 of many bytes: by the runtime in a Worker, by a library elsewhere.

#[cfg(target_arch = "wasm32")]
pub(crate) use super::cloudflare::Sha256Stream;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Sha256Stream;

/// Returns the bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    })
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use sha2::{Digest, Sha256};

    use crate::errors::LunoraError;

    /// A digest in progress.
    pub(crate) struct Sha256Stream(Sha256);

    impl Sha256Stream {
        #[allow(clippy::unnecessary_wraps, reason = "as the runtime's")]
        pub(crate) fn new() -> Result<Self, LunoraError> {
            Ok(Self(Sha256::new()))
        }

        #[allow(clippy::unused_async, reason = "as the runtime's")]
        pub(crate) async fn update(&mut self, bytes: &[u8]) -> Result<(), LunoraError> {
            self.0.update(bytes);
            Ok(())
        }

        #[allow(clippy::unused_async, reason = "as the runtime's")]
        pub(crate) async fn finish(self) -> Result<[u8; 32], LunoraError> {
            Ok(self.0.finalize().into())
        }
    }
}
