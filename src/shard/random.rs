//! Ids that ascend in the order of creation and are unpredictable.

use std::cell::RefCell;

use crate::platform::{self, ShardHost};

/// The source of ids.
#[derive(Debug, Default)]
pub(crate) struct Random {
    source: platform::Random,
    last: RefCell<(u64, [u8; 10])>,
}

/// Crockford's digits: they sort as the numbers do.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Random {
    /// Seeds the source. Call it before the first draw.
    pub(crate) fn seed(&self, host: &dyn ShardHost) {
        self.source.seed(|| host.random_seed());
    }

    /// Seeds the source by a function.
    #[cfg(feature = "globals")]
    pub(crate) fn seed_by(&self, seed: impl FnOnce() -> [u8; 32]) {
        self.source.seed(seed);
    }

    /// Returns 26 digits with 130 bits of randomness.
    pub(crate) fn id(&self) -> String {
        self.source.draw().iter().take(26).map(|byte| digit(u64::from(*byte))).collect()
    }

    /// Returns the id of a document that is made at `now_ms`: 10 digits of the time and 16 random
    /// ones.
    ///
    /// Ids of the same millisecond ascend, by a step that is random: documents have the order in
    /// which they were made.
    pub(crate) fn document_id(&self, now_ms: u64) -> String {
        let drawn = self.source.draw();
        let mut last = self.last.borrow_mut();
        if now_ms > last.0 {
            let mut tail = [0; 10];
            tail.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
            // The top bit stays free for the steps.
            tail[0] &= 0x7f;
            *last = (now_ms, tail);
        } else {
            let step = u64::from(u32::from_le_bytes([drawn[0], drawn[1], drawn[2], drawn[3]])) + 1;
            add(&mut last.1, step);
        }
        let (time, tail) = *last;
        let mut id = String::with_capacity(26);
        (0..10).rev().for_each(|at| id.push(digit(time >> (5 * at))));
        let tail = tail.iter().fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        #[allow(clippy::cast_possible_truncation, reason = "a digit is its lowest bits")]
        (0..16).rev().for_each(|at| id.push(digit((tail >> (5 * at)) as u64)));
        id
    }
}

fn add(number: &mut [u8; 10], step: u64) {
    let mut carry = u128::from(step);
    for byte in number.iter_mut().rev() {
        carry += u128::from(*byte);
        *byte = u8::try_from(carry & 0xff).unwrap_or_default();
        carry >>= 8;
    }
}

fn digit(number: u64) -> char {
    let index = usize::try_from(number & 31).unwrap_or_default();
    char::from(DIGITS.get(index).copied().unwrap_or(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_also_within_a_millisecond_and_when_the_clock_goes_back() {
        let random = Random::default();
        random.source.seed(|| [7; 32]);
        let times = [1, 1, 1, 2, 2, 1, 3, 1_700_000_000_000, 1_700_000_000_000];
        let ids: Vec<_> = times.iter().map(|now| random.document_id(*now)).collect();
        assert!(ids.iter().all(|id| id.len() == 26), "{ids:?}");
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        assert_ne!(random.id(), random.id());
    }
}
