//! Random numbers, of which the host supplies only the seed.

use std::cell::Cell;

use sha2::{Digest, Sha256};

/// A source of random bytes: SHA-256 over a seed of the host and a counter.
#[derive(Debug, Default)]
pub(crate) struct Random {
    seed: Cell<Option<[u8; 32]>>,
    drawn: Cell<u64>,
}

impl Random {
    /// Seeds the source, unless it is seeded. Call it before the first draw.
    pub(crate) fn seed(&self, seed: impl FnOnce() -> [u8; 32]) {
        if self.seed.get().is_none() {
            self.seed.set(Some(seed()));
        }
    }

    /// Returns the next 32 bytes.
    pub(crate) fn draw(&self) -> [u8; 32] {
        self.drawn.set(self.drawn.get() + 1);
        let hash = Sha256::new()
            .chain_update(self.seed.get().unwrap_or_default())
            .chain_update(self.drawn.get().to_le_bytes());
        hash.finalize().into()
    }
}

/// Returns 32 random bytes of the host.
pub(crate) fn random_seed() -> [u8; 32] {
    #[cfg(target_arch = "wasm32")]
    return super::cloudflare::random_seed();

    // The keys of the standard library's hashes are the host's randomness.
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::hash::{BuildHasher, RandomState};

        let mut seed = [0; 32];
        for (index, part) in seed.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&RandomState::new().hash_one(index).to_le_bytes());
        }
        seed
    }
}
