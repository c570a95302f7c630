//! The randomness of the runtime.

use super::glue;

/// Returns 32 random bytes.
pub(crate) fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    glue::random_bytes(&mut seed);
    seed
}
