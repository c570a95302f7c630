//! Random numbers, of which the host supplies only the seed.

use std::cell::Cell;

#[cfg(feature = "shard")]
use sha2::{Digest, Sha256};

/// A source of random bytes: SHA-256 over a seed of the host and a counter.
#[cfg(feature = "shard")]
#[derive(Debug, Default)]
pub(crate) struct Random {
    seed: Cell<Option<[u8; 32]>>,
    drawn: Cell<u64>,
}

#[cfg(feature = "shard")]
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

/// A source of numbers that do not repeat: xoshiro256++ over a seed of the host. They can be foreseen from
/// those before them, so they are not for secrets.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Cell<Option<[u64; 4]>>);

impl Numbers {
    /// Seeds the source, unless it is seeded. Call it before the first draw.
    pub(crate) fn seed(&self, seed: impl FnOnce() -> [u8; 32]) {
        if self.0.get().is_none() {
            let mut seed = seed().into_iter();
            let word = |_| seed.by_ref().take(8).fold(0, |word, byte| word << 8 | u64::from(byte));
            self.0.set(Some([0; 4].map(word)));
        }
    }

    /// Returns the next number.
    pub(crate) fn draw(&self) -> u64 {
        let [a, b, c, d] = self.0.get().unwrap_or_default();
        let number = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c_next, d_next) = (c ^ a, d ^ b);
        self.0.set(Some([a ^ d_next, b ^ c_next, c_next ^ b << 17, d_next.rotate_left(45)]));
        number
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_xoshiro256_plus_plus() {
        let numbers = Numbers::default();
        let mut seed = [0; 32];
        for (word, byte) in seed.iter_mut().skip(7).step_by(8).zip(1..) {
            *word = byte;
        }
        numbers.seed(|| seed);
        numbers.seed(|| [9; 32]);
        let drawn = [(); 6].map(|()| numbers.draw());
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(drawn, expected);
    }
}
