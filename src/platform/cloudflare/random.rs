//! The randomness of the runtime.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(into: &mut [u8]);
}

/// Returns 32 random bytes.
pub(crate) fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    get_random_values(&mut seed);
    seed
}
